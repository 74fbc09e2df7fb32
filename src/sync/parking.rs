//! Where a thread sleeps until somebody wakes it, also one that is at its very end.
//!
//! It promises that waking takes no lock where the platform has futexes (std's `unpark`), since publishers wake (P1); but for
//! threads that std has let go of, in a late round of the system's destructors: these sleep on crossbeam's parker, which
//! needs nothing of the thread and has a lock. It refuses to ask std for such a thread more than once: std answers with a
//! panic, of which the process's panic hook is told.

#[cfg(ringbus_loom)]
pub(crate) use twin::{Parker, Unparker};
#[cfg(not(ringbus_loom))]
pub(crate) use usual::{Parker, Unparker, lose_thread, this_thread};

#[cfg(not(ringbus_loom))]
mod usual {
    use std::cell::Cell;
    use std::panic::catch_unwind;
    use std::thread::{self, Thread};
    use std::time::Duration;

    use crossbeam_utils::sync;

    /// Whether std knows the calling thread.
    #[derive(Clone, Copy, PartialEq)]
    enum Known {
        /// Nobody has asked.
        Perhaps,
        Yes,
        /// Nor will it again.
        No,
    }

    thread_local! {
        /// Has no destructor, so it can be asked at any time.
        static KNOWN: Cell<Known> = const { Cell::new(Known::Perhaps) };
    }

    /// The calling thread, if std knows it still.
    pub(crate) fn this_thread() -> Option<Thread> {
        KNOWN.with(|known| {
            // In a panic hook another panic would be the end.
            if known.get() == Known::No || known.get() == Known::Perhaps && thread::panicking() {
                return None;
            }
            let thread = catch_unwind(thread::current).ok();
            known.set(if thread.is_some() { Known::Yes } else { Known::No });
            thread
        })
    }

    /// The calling thread's destructors have begun: std is asked for it no more.
    pub(crate) fn lose_thread() {
        KNOWN.with(|known| known.set(Known::No));
    }

    /// Where the calling thread sleeps.
    pub(crate) enum Parker {
        Usual(Unparker),
        AtItsEnd(sync::Parker, Unparker),
    }

    /// Wakes a thread, or has its next sleep end at once.
    #[derive(Clone, Debug)]
    pub(crate) enum Unparker {
        Usual(Thread),
        AtItsEnd(sync::Unparker),
    }

    impl Parker {
        pub(crate) fn new() -> Self {
            if let Some(thread) = this_thread() {
                return Self::Usual(Unparker::Usual(thread));
            }
            let parker = sync::Parker::new();
            let unparker = Unparker::AtItsEnd(parker.unparker().clone());
            Self::AtItsEnd(parker, unparker)
        }

        pub(crate) fn unparker(&self) -> &Unparker {
            match self {
                Self::Usual(unparker) | Self::AtItsEnd(_, unparker) => unparker,
            }
        }

        /// Sleeps until it is woken; wakes also for no reason: look again.
        pub(crate) fn park(&self) {
            match self {
                Self::Usual(_) => thread::park(),
                Self::AtItsEnd(parker, _) => parker.park(),
            }
        }

        /// The same for at most `time`.
        pub(crate) fn park_timeout(&self, time: Duration) {
            match self {
                Self::Usual(_) => thread::park_timeout(time),
                Self::AtItsEnd(parker, _) => parker.park_timeout(time),
            }
        }
    }

    impl Unparker {
        pub(crate) fn unpark(&self) {
            match self {
                Self::Usual(thread) => thread.unpark(),
                Self::AtItsEnd(unparker) => unparker.unpark(),
            }
        }
    }
}

/// loom's parking: it knows no thread at its end, and no time.
#[cfg(ringbus_loom)]
mod twin {
    use loom::thread::{Thread, current, park};

    pub(crate) struct Parker(Unparker);

    #[derive(Clone, Debug)]
    pub(crate) struct Unparker(Thread);

    impl Parker {
        pub(crate) fn new() -> Self {
            Self(Unparker(current()))
        }

        pub(crate) fn unparker(&self) -> &Unparker {
            &self.0
        }

        pub(crate) fn park(&self) {
            park();
        }

        pub(crate) fn park_timeout(&self, _: std::time::Duration) {
            park();
        }
    }

    impl Unparker {
        pub(crate) fn unpark(&self) {
            self.0.unpark();
        }
    }
}
