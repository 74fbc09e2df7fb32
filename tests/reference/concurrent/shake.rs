//! Where the crate has steps for tests, threads of this test stop at some of them for a moment: at one in eight of those
//! that protocols name, at one in 256 of the others (each atomic operation is two).

use std::cell::Cell;

thread_local! {
    /// 0: not shaken.
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// From here on the calling thread is shaken.
pub(super) fn on(seed: usize) {
    STATE.set(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed as u64 + 1));
    #[cfg(feature = "inject")]
    {
        use std::sync::Once;
        static HOOK: Once = Once::new();
        HOOK.call_once(|| assert!(ringbus::__inject::set_step_hook(Box::new(pass))));
    }
}

#[cfg(feature = "inject")]
fn pass(step: &'static str) {
    // What another thread seldom comes between: an event that is recorded and not yet dispatched, an inbox, a word that is
    // seldom changed, the list of subscriptions.
    let is_narrow = ["publish.recorded", "ring.ticket", "inbox.", "control.", "registry."]
        .iter()
        .any(|name| step.starts_with(name));
    // A thread's last publishes may come when its locals are gone.
    let _ = STATE.try_with(|state| {
        let mut next = state.get();
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
        state.set(next);
        let rate = if ringbus::__inject::is_operation(step) { 2048 } else { 64 };
        match next % rate {
            1 => std::thread::sleep(std::time::Duration::from_micros(20)),
            8..24 if is_narrow => std::thread::sleep(std::time::Duration::from_micros(20)),
            2..8 => std::thread::yield_now(),
            _ => {}
        }
    });
}
