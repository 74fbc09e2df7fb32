//! Named steps at which a test may stop or delay the thread that passes.
//!
//! P1 says that a publish finishes wherever another thread is frozen; to show it, a test freezes one at each step in
//! turn. Without the feature `inject` a step is nothing at all.

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

    pub(crate) fn pass(name: &'static str) {
        if let Some(hook) = HOOK.get() {
            hook(name);
        }
    }
}

/// Passes the step `name`.
#[inline(always)]
pub(crate) fn step(name: &'static str) {
    #[cfg(all(feature = "inject", not(ringbus_loom)))]
    hook::pass(name);
    let _ = name;
}
