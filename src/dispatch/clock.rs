//! The time that a policy goes by: the crate's monotonic clock, or one that somebody has given it.
//!
//! A clock that is given is user code: it is called where nothing is half changed and no lock is held, and its panic, or
//! that of its drop, goes no further. Who asks then gets no time, and says itself what follows from that.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use crate::contain;
use crate::sync::clock::monotonic_us;

/// See the [module](self).
#[derive(Clone, Default)]
pub(super) struct Clock {
    /// `None`: the crate's own.
    given: Option<Given>,
}

type Given = Arc<dyn Fn() -> Duration + Send + Sync>;

// === impl Clock ===

impl Clock {
    pub(super) fn given(clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { given: Some(Arc::new(clock)) }
    }

    /// Time since a fixed moment; `None` where the clock has panicked.
    pub(super) fn read(&self) -> Option<Duration> {
        let Some(given) = &self.given else {
            return Some(Duration::from_micros(monotonic_us()));
        };
        contain::call_apart(|| given()).map_err(contain::defuse).ok()
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        contain::drop_contained(self.given.take());
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.given.is_some() { "given" } else { "monotonic" })
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn its_own_time_does_not_go_back_and_a_given_one_is_passed_on() {
        let clock = Clock::default();
        let first = clock.read();
        assert!(first.is_some() && clock.read() >= first);
        assert_eq!(Clock::given(|| Duration::from_secs(7)).clone().read(), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_panic_of_a_given_clock_or_of_its_drop_goes_no_further() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let bomb = Bomb;
        let clock = Clock::given(move || {
            let _held = &bomb;
            panic!("what time is it?")
        });
        assert_eq!((clock.read(), clock.read()), (None, None));
        drop(clock);
    }
}
