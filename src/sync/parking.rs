//! Where a thread sleeps until somebody wakes it, also one that is at its very end.
//!
//! It promises that waking takes no lock where the platform has futexes (std's `unpark`), since publishers wake (P1). It
//! refuses to ask std for a thread that it may have let go of more than once, or in what may be a panic hook: std answers
//! with a panic. Such a thread, one whose last destructors are running or that unwinds, sleeps a millisecond at a time and
//! looks again; nobody has to wake it.

use core::task::Waker;
use std::sync::Arc;
use std::task::Wake;

#[cfg(ringbus_loom)]
pub(crate) use twin::{Parker, Unparker, name_of, this_thread};
#[cfg(not(ringbus_loom))]
pub(crate) use usual::{Parker, Unparker, lose_thread, name_of, this_thread};

#[cfg(not(ringbus_loom))]
mod usual {
    use std::cell::Cell;
    use std::panic::catch_unwind;
    use std::thread::{self, Thread};
    use std::time::Duration;

    thread_local! {
        /// Whether std has let go of the thread, or may have. Has no destructor, so it can be asked at any time.
        static LOST: Cell<bool> = const { Cell::new(false) };
    }

    /// The calling thread, if std can be asked for it.
    pub(crate) fn this_thread() -> Option<Thread> {
        // In a panic hook another panic would be the end of the process.
        if thread::panicking() || LOST.replace(true) {
            return None;
        }
        // What std answers with a panic, that one's hook does not ask again.
        let thread = catch_unwind(thread::current).ok()?;
        LOST.set(false);
        Some(thread)
    }

    /// What it is called.
    pub(crate) fn name_of(thread: &Thread) -> Option<&str> {
        thread.name()
    }

    /// The calling thread's destructors have begun: std is asked for it no more.
    pub(crate) fn lose_thread() {
        LOST.set(true);
    }

    /// How long a thread sleeps at a time that cannot be woken.
    const A_WHILE: Duration = Duration::from_millis(1);

    /// Where the calling thread sleeps.
    pub(crate) struct Parker(Unparker);

    /// Wakes a thread, or has its next sleep end at once.
    #[derive(Clone, Debug)]
    pub(crate) enum Unparker {
        Usual(Thread),
        /// It wakes by itself.
        AtItsEnd,
    }

    impl Parker {
        pub(crate) fn new() -> Self {
            Self(this_thread().map_or(Unparker::AtItsEnd, Unparker::Usual))
        }

        pub(crate) fn unparker(&self) -> &Unparker {
            &self.0
        }

        /// Sleeps until it is woken; wakes also for no reason: look again.
        pub(crate) fn park(&self) {
            match self.0 {
                Unparker::Usual(_) => thread::park(),
                Unparker::AtItsEnd => thread::sleep(A_WHILE),
            }
        }

        /// The same for at most `time`.
        pub(crate) fn park_timeout(&self, time: Duration) {
            match self.0 {
                Unparker::Usual(_) => thread::park_timeout(time),
                Unparker::AtItsEnd => thread::sleep(time.min(A_WHILE)),
            }
        }
    }

    impl Unparker {
        /// Whether its thread sleeps until somebody wakes it.
        pub(crate) fn needs_waking(&self) -> bool {
            matches!(self, Self::Usual(_))
        }

        pub(crate) fn unpark(&self) {
            match self {
                Self::Usual(thread) => thread.unpark(),
                Self::AtItsEnd => {}
            }
        }
    }
}

/// loom's parking: it knows no thread at its end, and no time.
#[cfg(ringbus_loom)]
mod twin {
    use loom::thread::{Thread, current, park};

    pub(crate) fn this_thread() -> Option<Thread> {
        Some(current())
    }

    /// Threads of models have no names.
    pub(crate) fn name_of(_: &Thread) -> Option<&str> {
        None
    }

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
        pub(crate) fn needs_waking(&self) -> bool {
            true
        }

        pub(crate) fn unpark(&self) {
            self.0.unpark();
        }
    }
}

impl Parker {
    /// Wakes it. Allocates.
    pub(crate) fn waker(&self) -> Waker {
        Arc::new(Wakes(self.unparker().clone())).into()
    }
}

struct Wakes(Unparker);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
