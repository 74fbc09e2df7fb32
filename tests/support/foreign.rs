//! Threads that only the system knows.
//!
//! In a forked child also the only ones that are sure to begin: `std::thread` takes a lock of its own, for the guard
//! pages, when a thread begins or ends, and a child that was forked in such a moment waits for it for ever (89 of 20 000
//! forks beside twelve threads that start others did; Rust 1.95, glibc).

use std::ffi::c_void;
use std::ptr;

/// Runs `work` on a thread of the system's own, to its end. Allocates nothing; a panic aborts.
pub fn foreign<T: Send, F: FnOnce() -> T + Send>(work: F) -> T {
    struct Job<F, T> {
        work: Option<F>,
        done: Option<T>,
    }
    extern "C" fn main<F: FnOnce() -> T, T>(job: *mut c_void) -> *mut c_void {
        // SAFETY: the job lives until this thread was joined, and nobody else looks at it before.
        let job = unsafe { &mut *job.cast::<Job<F, T>>() };
        job.done = job.work.take().map(|work| work());
        ptr::null_mut()
    }
    let mut job = Job { work: Some(work), done: None };
    // SAFETY: all zeroes is a value of this type of numbers.
    let mut thread = unsafe { std::mem::zeroed() };
    // SAFETY: `main` lives for ever; the job is of its type, and lives beyond the thread, which is joined below.
    let made = unsafe { libc::pthread_create(&raw mut thread, ptr::null(), main::<F, T>, (&raw mut job).cast()) };
    assert_eq!(made, 0, "no thread could be made");
    // SAFETY: it was just created, and is joined once.
    assert_eq!(unsafe { libc::pthread_join(thread, ptr::null_mut()) }, 0);
    job.done.expect("the thread has run")
}

/// Starts `work` on a thread of the system's own, which nobody waits for. A panic aborts.
#[allow(dead_code, reason = "not all who wait for such threads start others")]
pub fn foreign_alone(work: impl FnOnce() + Send + 'static) {
    extern "C" fn main(job: *mut c_void) -> *mut c_void {
        // SAFETY: the box was given away below, to this thread.
        let job = unsafe { Box::from_raw(job.cast::<Box<dyn FnOnce() + Send>>()) };
        job();
        ptr::null_mut()
    }
    let job: Box<Box<dyn FnOnce() + Send>> = Box::new(Box::new(work));
    // SAFETY: all zeroes is a value of this type of numbers.
    let mut thread = unsafe { std::mem::zeroed() };
    // SAFETY: `main` lives for ever, and takes over the job, which is of its type.
    let made = unsafe { libc::pthread_create(&raw mut thread, ptr::null(), main, Box::into_raw(job).cast()) };
    assert_eq!(made, 0, "no thread could be made");
    // SAFETY: it was just created, and nobody joins it.
    assert_eq!(unsafe { libc::pthread_detach(thread) }, 0);
}
