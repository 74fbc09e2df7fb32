//! What the calling thread is called, for who asks in a panic hook.
//!
//! It refuses to ask std where the system can be asked: of a thread that it has let go of, std tells with a panic, and a
//! panic inside a hook is the end of the process. What a thread's row knows is the whole name. The system (Linux) knows its
//! first 15 bytes, and that of the parent where the thread was given none.

use super::rows;

/// The calling thread's name. Allocates.
pub(crate) fn thread_name() -> Option<String> {
    rows::own_name().unwrap_or_else(by_system)
}

#[cfg(target_os = "linux")]
fn by_system() -> Option<String> {
    // As std calls it; to the system it has the name of the program.
    // SAFETY: neither takes anything, and neither can fail.
    if unsafe { libc::c_long::from(libc::getpid()) == libc::syscall(libc::SYS_gettid) } {
        return Some("main".to_owned());
    }
    let mut name = [0_u8; 16];
    // SAFETY: the kernel writes 16 bytes at most, the last of them zero; so long is the place for it.
    let known = unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) } == 0;
    let name = core::ffi::CStr::from_bytes_until_nul(&name).ok().filter(|name| known && !name.is_empty());
    name.map(|name| name.to_string_lossy().into_owned())
}

#[cfg(not(target_os = "linux"))]
fn by_system() -> Option<String> {
    std::thread::current().name().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::Builder;

    #[test]
    fn the_row_knows_the_whole_name_and_the_system_its_beginning() {
        let told = |named: &str, seated: bool| {
            let thread = Builder::new().name(named.to_owned()).spawn(move || {
                let _stay = seated.then(rows::visit);
                thread_name()
            });
            thread.expect("a thread").join().expect("no panic")
        };
        assert_eq!(told("one of a pool of workers", true).as_deref(), Some("one of a pool of workers"));
        let short = told("a thread", false);
        assert_eq!(short.as_deref(), Some("a thread"));
        let long = told("one of a pool of workers", false).expect("a name");
        assert!(long.len() >= 15 && "one of a pool of workers".starts_with(&long), "{long}");
        let unnamed = std::thread::spawn(|| (thread_name(), rows::visit().and_then(|_stay| thread_name())));
        let (by_system, by_row) = unnamed.join().expect("no panic");
        assert_eq!((by_system.is_some(), by_row), (cfg!(target_os = "linux"), None));
    }
}
