//! Children that a test forks.

/// Forks; in the child 0. A child that waits for ever is killed, and that is seen.
pub fn fork() -> libc::pid_t {
    // SAFETY: the child calls what this library promises to work after a fork, and leaves by `_exit`.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork failed");
    if pid == 0 {
        // SAFETY: sets a timer of the child's own.
        unsafe { libc::alarm(60) };
    }
    pid
}

/// Ends the child: 0 if all is well.
pub fn leave(child: impl FnOnce() -> i32) -> ! {
    let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).unwrap_or(64);
    // SAFETY: ends the child without running what belongs to the parent.
    unsafe { libc::_exit(code) }
}

/// What a child says at its end.
pub fn code_of(child: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: the child is ours, and `status` lives through the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status), "the child was killed, maybe while it waited: {status}");
    libc::WEXITSTATUS(status)
}

/// Forks, runs `child` there, which says 0 if all is well, and waits for it.
pub fn forked(child: impl FnOnce() -> i32) -> i32 {
    match fork() {
        0 => leave(child),
        pid => code_of(pid),
    }
}
