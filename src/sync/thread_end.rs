//! The very end of a thread: a destructor of the system's own, which runs after those of Rust's thread-locals.
//!
//! A thread-local that is first used by another such destructor is registered too late: its own destructor never runs
//! (glibc runs those once, before the keys' rounds). A key that is set in one round of key destructors is visited in the
//! next: POSIX promises at least [`PTHREAD_DESTRUCTOR_ITERATIONS`], 4, of them. What a thread does in the last one, for
//! the first time, nobody sees any more.
//!
//! Lock-free in its own steps; the system may allocate. Where no key can be had (1024 in a process), or on a system
//! without them, there is only the thread-local's destructor.
//!
//! [`PTHREAD_DESTRUCTOR_ITERATIONS`]: https://pubs.opengroup.org/onlinepubs/9799919799/functions/pthread_key_create.html

use core::ffi::c_void;
use core::ptr;

use super::atomic::{AtomicU64, Ordering};
use super::{OnceBox, busy, rows};

/// The key, plus 1; 0 = none yet. A key is a small number wherever it is a number.
static KEY: AtomicU64 = AtomicU64::new(0);

/// What a room to the right has to tidy up there.
static LAST: OnceBox<fn()> = OnceBox::new();

/// Has `tidy` called on each thread that ends so late; there is one such function in the crate. It must run no user
/// code but the allocator.
pub(crate) fn set_tidy(tidy: fn()) {
    if LAST.get().is_none() {
        busy::during(|| drop(LAST.set(Box::new(tidy))));
    }
}

/// Has [`rows::leave`] called at the end of the calling thread; `in_time` where Rust's thread-locals are still there.
///
/// What is tidied up is used then, before the end of a thread that might not use it itself: the first use would be the
/// one at the end, which is registered too late and leaves its registration behind (P9).
pub(super) fn watch(in_time: bool) {
    if let Some(tidy) = LAST.get().filter(|_| in_time) {
        tidy();
    }
    if let Some(key) = key() {
        // SAFETY: the key was created and is never deleted; its destructor does not follow the value.
        unsafe { libc::pthread_setspecific(key, ptr::without_provenance(1)) };
    }
}

fn key() -> Option<libc::pthread_key_t> {
    // Relaxed: a key is nothing but a number.
    match KEY.load(Ordering::Relaxed) {
        0 => create(),
        known => Some((known - 1) as libc::pthread_key_t),
    }
}

#[cold]
fn create() -> Option<libc::pthread_key_t> {
    extern "C" fn at_end(_: *mut c_void) {
        rows::leave();
        if let Some(tidy) = LAST.get() {
            tidy();
        }
    }
    let mut key: libc::pthread_key_t = 0;
    // SAFETY: `key` lives through the call, the destructor for ever (see `rows::leave` for what it may do).
    if unsafe { libc::pthread_key_create(&raw mut key, Some(at_end)) } != 0 {
        return None;
    }
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion, reason = "the type differs between systems")]
    match KEY.compare_exchange(0, key as u64 + 1, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => Some(key),
        Err(theirs) => {
            // SAFETY: ours; no thread has set it.
            unsafe { libc::pthread_key_delete(key) };
            Some((theirs - 1) as libc::pthread_key_t)
        }
    }
}
