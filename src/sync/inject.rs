//! Named steps at which a test may stop or delay the thread that passes.
//!
//! P1 says that a publish finishes wherever another thread is frozen; to show it, a test freezes one at each step in
//! turn. A test may also tell the time in the clock's place. Without the feature `inject` all this is nothing at all.
//!
//! Steps that a protocol names are called after it (`slot.check`, `call.mark`). Beside them each operation on an atomic, a
//! lock, a cell or a snapshot is two steps, `atomic.…`, `lock.…`, `once.…` and `snapshot.…`: see
//! `injected`. The hook is called on the thread that passes, which may be anywhere in the crate, also where its
//! thread-locals are gone: it must not publish at those, and must not panic.

#[cfg(all(feature = "inject", not(ringbus_loom)))]
pub(crate) mod hook {
    use once_cell::race::OnceBox;

    /// What a test installs: it is told the step's name, on the thread that passes it.
    pub type StepHook = Box<dyn Fn(&'static str) + Send + Sync>;

    static HOOK: OnceBox<StepHook> = OnceBox::new();

    /// Installs the process's one hook; `false` where there is one already.
    pub fn set_step_hook(hook: StepHook) -> bool {
        HOOK.set(Box::new(hook)).is_ok()
    }

    /// Whether a step belongs to an operation on an atomic, a lock, a cell or a snapshot, whichever; the others are named
    /// by their protocol.
    #[must_use]
    pub fn is_operation(step: &str) -> bool {
        let group = step.split_once('.').map_or(step, |(group, _)| group);
        matches!(group, "atomic" | "lock" | "once" | "snapshot")
    }

    pub(crate) fn pass(name: &'static str) {
        if let Some(hook) = HOOK.get() {
            hook(name);
        }
    }

    /// What a test installs to tell the time: given which clock is read, and what it says, it says what it is to say.
    ///
    /// Clocks are `raw` (ticks), `monotonic` (nanoseconds) and `wall` (microseconds since 1970, an `i64` as bits). It may
    /// be called anywhere in a publish, and must not publish.
    pub type ClockHook = Box<dyn Fn(&'static str, u64) -> u64 + Send + Sync>;

    static CLOCK: OnceBox<ClockHook> = OnceBox::new();

    /// Installs the process's one teller of time; `false` where there is one already.
    pub fn set_clock_hook(hook: ClockHook) -> bool {
        CLOCK.set(Box::new(hook)).is_ok()
    }

    pub(crate) fn tell(clock: &'static str, reading: u64) -> u64 {
        CLOCK.get().map_or(reading, |hook| hook(clock, reading))
    }
}

/// Passes the step `name`.
#[inline(always)]
pub(crate) fn step(name: &'static str) {
    #[cfg(all(feature = "inject", not(ringbus_loom)))]
    hook::pass(name);
    let _ = name;
}

/// The reading of a clock, unless a test tells another.
#[inline(always)]
#[cfg(not(ringbus_loom))]
pub(crate) fn told(clock: &'static str, reading: u64) -> u64 {
    #[cfg(feature = "inject")]
    let reading = hook::tell(clock, reading);
    let _ = clock;
    reading
}
