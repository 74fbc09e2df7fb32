//! The one door to atomics, locks and the crates that build on them.
//!
//! Every other room names `crate::sync`, never `core::sync::atomic`, arc-swap, crossbeam or loom; so a model swaps the
//! whole crate onto loom's twins by building with `--cfg ringbus_loom`, and nothing slips past it. What is here, in
//! the order in which a publish meets it:
//!
//! 1. [`clock`] reads the time, [`process`] tells one process (and its forks) from another, [`ids`] counts;
//! 2. [`rows`] gives each live thread a row of marks and a depth; `thread_end` takes it back from the latest of all;
//! 3. [`versioned`] holds the table that publishers read, [`snapshot`] what is read rarely;
//! 4. [`revocable`] runs a handler so that somebody else can wait for it to end, and [`waiters`] wakes that somebody;
//!    [`inbox`] keeps what comes while a handler is told of the past, [`queue`] what waits for one that takes its time, and
//!    [`wakers`] wakes one of those who work on it;
//! 5. [`busy`], [`counter`], [`duty`], [`frames`], [`scoped`], [`once`], `parking`, `pile`, [`quiet`], [`signal`] and
//!    `thread_name` are small tools for the rooms; `asymmetric` is the pair of fences of calls and closers, `cell` a watched
//!    cell, `counted` and `handle` the counted handles of events, `local` the thread-locals of models;
//! 6. [`inject`] lets tests stop or delay a thread at a named step; with the feature of that name each operation on an
//!    atomic, a lock or a cell is a step too (the folder `injected`).
//!
//! Unsafe code lives here and in the history's slot, nowhere else.
#![allow(unsafe_code)]

#[cfg(not(ringbus_loom))]
pub(crate) mod clock;
/// Time is no part of a model: every event of one happens at once, and sequence numbers order them. What threads share
/// of the clock has a model of its own.
#[cfg(ringbus_loom)]
pub(crate) mod clock {
    pub(crate) mod baseline;

    pub(crate) struct Reading {
        pub(crate) raw: u64,
        pub(crate) wall_us: u64,
    }

    pub(crate) fn read() -> Reading {
        Reading { raw: 0, wall_us: 0 }
    }

    pub(crate) fn monotonic_us() -> u64 {
        1
    }

    #[derive(Clone, Copy)]
    pub(crate) struct Timer;

    impl Timer {
        pub(crate) fn start() -> Self {
            Self
        }

        pub(crate) fn elapsed_ns(&self) -> u64 {
            0
        }
    }
}
pub(crate) mod process;

pub(crate) mod ids;
pub(crate) mod rows;
#[cfg(all(unix, not(ringbus_loom)))]
pub(crate) mod thread_end;

#[cfg(not(ringbus_loom))]
pub(crate) mod snapshot;
pub(crate) mod versioned;

mod asymmetric;
mod cell;
#[cfg(not(ringbus_loom))]
pub(crate) mod counted;
pub(crate) mod handle;
pub(crate) mod inbox;
#[cfg(ringbus_loom)]
mod local;
pub(crate) mod queue;
pub(crate) mod revocable;
pub(crate) mod waiters;
pub(crate) mod wakers;

pub(crate) mod busy;
pub(crate) mod counter;
pub(crate) mod duty;
pub(crate) mod frames;
mod once;
mod parking;
mod pile;
mod quiet;
pub(crate) mod scoped;
pub(crate) mod signal;
#[cfg(all(feature = "serde", not(ringbus_loom)))]
pub(crate) mod thread_name;

pub(crate) mod inject;
#[cfg(all(feature = "inject", not(ringbus_loom)))]
mod injected;

pub(crate) use inject::step;
pub(crate) use once::OnceBox;
#[cfg(not(ringbus_loom))]
pub(crate) use parking::lose_thread;
pub(crate) use parking::{Parker, Unparker, name_of, this_thread};
pub(crate) use pile::Pile;
pub(crate) use quiet::{QuietGuard, QuietMutex};
pub(crate) use signal::Signal;

/// The atomics of the platform, or loom's.
pub(crate) mod atomic {
    #[cfg(all(feature = "inject", not(ringbus_loom)))]
    pub(crate) use super::injected::atomics::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    #[cfg(not(any(feature = "inject", ringbus_loom)))]
    pub(crate) use core::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
    #[cfg(ringbus_loom)]
    pub(crate) use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

/// A full fence for a thread whose last write was a read-modify-write: what it writes before is seen, or what it reads
/// after is the newest (Dekker), against another thread's `fence(SeqCst)`.
///
/// On x86-64 each locked instruction is such a fence already (Intel SDM vol. 3, 9.2.3.9), so there only the compiler
/// has to be told; crossbeam-epoch does the same when it pins.
#[inline(always)]
pub(crate) fn fence_after_rmw() {
    #[cfg(all(target_arch = "x86_64", not(ringbus_loom)))]
    core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
    #[cfg(not(all(target_arch = "x86_64", not(ringbus_loom))))]
    atomic::fence(atomic::Ordering::SeqCst);
}

/// The platform's atomics in every build: for counters, which order nothing, and for statics, which loom cannot have.
pub(crate) mod plain {
    #[cfg(all(feature = "inject", not(ringbus_loom)))]
    pub(crate) use super::injected::atomics::{AtomicU64, Ordering};
    #[cfg(any(not(feature = "inject"), ringbus_loom))]
    pub(crate) use core::sync::atomic::{AtomicU64, Ordering};
}

#[cfg(not(ringbus_loom))]
mod platform {
    pub(crate) use super::counted::{Arc, Sole, again, sole};
    #[cfg(feature = "inject")]
    pub(crate) use super::injected::lock::{Condvar, Mutex, MutexGuard};
    pub(crate) use crossbeam_utils::Backoff;
    #[cfg(not(feature = "inject"))]
    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::thread::Thread;
    pub(crate) use std::thread_local;
}

#[cfg(ringbus_loom)]
mod platform {
    pub(crate) use super::local::{LocalKey, thread_local_twin as thread_local};
    pub(crate) use loom::lazy_static;
    pub(crate) use loom::sync::{Arc, Condvar};
    pub(crate) use loom::thread::Thread;

    /// A handle that is the only one.
    #[derive(Debug)]
    pub(crate) struct Sole<T>(Arc<T>);

    /// A further handle; the product makes a sole one's without an exchange.
    pub(crate) fn again<T>(handle: &mut Arc<T>) -> Arc<T> {
        Arc::clone(handle)
    }

    /// The handle as a sole one, if it is.
    pub(crate) fn sole<T>(mut handle: Arc<T>) -> Result<Sole<T>, Arc<T>> {
        if Arc::get_mut(&mut handle).is_some() { Ok(Sole(handle)) } else { Err(handle) }
    }

    impl<T> Sole<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(Arc::new(value))
        }

        pub(crate) fn share(self) -> Arc<T> {
            self.0
        }
    }

    impl<T> core::ops::Deref for Sole<T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.0
        }
    }

    impl<T> core::ops::DerefMut for Sole<T> {
        fn deref_mut(&mut self) -> &mut T {
            Arc::get_mut(&mut self.0).unwrap_or_else(|| unreachable!("a sole handle is shared"))
        }
    }

    /// In models nobody looks twice before it sleeps: that shows nothing new.
    pub(crate) struct Backoff;

    impl Backoff {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn snooze(&self) {}

        pub(crate) fn is_completed(&self) -> bool {
            true
        }
    }

    /// loom's lock with parking_lot's face.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    pub(crate) type MutexGuard<'a, T> = loom::sync::MutexGuard<'a, T>;

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }
}

pub(crate) use platform::*;

pub(crate) use crossbeam_utils::CachePadded;
/// A lock for statics, which loom cannot have: what it guards is no part of a model.
#[cfg(feature = "serde")]
pub(crate) use parking_lot::Mutex as StaticMutex;
