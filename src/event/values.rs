//! [`Values`]: the values of one event, up to three in place.
//!
//! Every slot holds a value at all times, one that owns nothing where nothing was put. So a value is written straight
//! into its slot: a value that is handed to a push goes through memory first, because the push may unwind, and
//! is read back before it has arrived there (12 ns for three values, measured). And room that has served
//! serves again, as it is if no value in it owns anything.

use core::mem;

use super::value::Value;
use crate::sync::busy;

/// Values in place.
const INLINE: usize = 3;

/// The most slots that serve again.
const KEPT: usize = 32;

/// See the [module](self). How many slots are filled is the owner's to know, who has a gap for that number.
#[derive(Default)]
pub(super) struct Values {
    /// The slots, unless there are wide ones.
    inline: [Value; INLINE],
    /// The slots, unless there are none.
    wide: Box<[Value]>,
}

/// A slot whose value owns nothing.
pub(super) struct Slot<'a>(&'a mut Value);

// === impl Values ===

impl Values {
    /// The first `len` values.
    #[inline]
    pub(super) fn first(&self, len: usize) -> &[Value] {
        let slots = if self.wide.is_empty() { &self.inline[..] } else { &self.wide };
        &slots[..len]
    }

    /// Makes room for `count` values in all.
    #[inline]
    pub(super) fn reserve(&mut self, count: usize) {
        if count > self.slots().len() {
            self.grow(count);
        }
    }

    /// The slot `at`, which has not been filled since the last [`clear`](Self::clear).
    #[inline]
    pub(super) fn slot(&mut self, at: usize) -> Slot<'_> {
        if at < self.slots().len() { Slot(&mut self.slots()[at]) } else { self.grown_slot(at) }
    }

    /// Whether there are so many slots that they are not to serve again.
    #[inline]
    pub(super) fn are_many(&self) -> bool {
        self.wide.len() > KEPT
    }

    /// Empties the first `len` slots, all that have been filled, and frees them if they are many.
    #[inline]
    pub(super) fn clear(&mut self, len: usize) {
        for value in self.slots().iter_mut().take(len) {
            // What owns nothing needs no call.
            if value.is_plain() {
                mem::forget(mem::take(value));
            } else {
                *value = Value::Null;
            }
        }
        if self.are_many() {
            self.wide = Box::default();
        }
    }

    #[inline]
    fn slots(&mut self) -> &mut [Value] {
        if self.wide.is_empty() { &mut self.inline } else { &mut self.wide }
    }

    #[cold]
    fn grown_slot(&mut self, at: usize) -> Slot<'_> {
        // Never past the most that serve again, as long as that is enough.
        self.grow(if at < KEPT { (2 * at).min(KEPT) } else { 2 * at });
        Slot(&mut self.slots()[at])
    }

    #[cold]
    fn grow(&mut self, count: usize) {
        busy::during(|| {
            let mut wide = Vec::with_capacity(count);
            wide.extend(self.slots().iter_mut().map(mem::take));
            wide.resize(count, Value::Null);
            self.wide = wide.into();
        });
    }
}

// === impl Slot ===

impl Slot<'_> {
    #[inline(always)]
    pub(super) fn fill(self, value: Value) {
        // It owns nothing: forgetting it loses nothing, and saves the look at what was there.
        mem::forget(mem::replace(self.0, value));
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    fn fill(values: &mut Values, count: usize) {
        (0..count).for_each(|at| values.slot(at).fill(at.into()));
    }

    #[test]
    fn values_stay_in_order_through_growth_and_reuse() {
        let mut values = Values::default();
        for reserved in [true, false] {
            for count in [0, 1, 3, 4, 7, 32, 100] {
                values.reserve(if reserved { count } else { 0 });
                fill(&mut values, count);
                assert!(values.first(count).iter().map(Value::as_u64).eq((0..count as u64).map(Some)));
                values.clear(count);
                assert!(values.slots().iter().all(Value::is_null));
            }
        }
    }

    #[test]
    fn what_a_slot_owned_is_dropped() {
        let bytes: std::sync::Arc<[u8]> = [1].into();
        let mut values = Values::default();
        for at in 0..5 {
            values.slot(at).fill(Value::Bytes(bytes.clone()));
        }
        assert_eq!(std::sync::Arc::strong_count(&bytes), 6);
        values.clear(5);
        assert_eq!(std::sync::Arc::strong_count(&bytes), 1);
    }

    #[test]
    fn few_slots_serve_again_and_many_are_freed() {
        let mut values = Values::default();
        fill(&mut values, KEPT);
        let slots = values.first(KEPT).as_ptr();
        values.clear(KEPT);
        assert_eq!(values.slots().len(), KEPT);
        fill(&mut values, KEPT);
        assert_eq!(values.first(KEPT).as_ptr(), slots);
        fill(&mut values, KEPT + 1);
        values.clear(KEPT + 1);
        assert_eq!(values.slots().len(), INLINE);
    }

    #[test]
    fn what_dropping_does_nothing_to_is_plain() {
        for value in
            [Value::Null, true.into(), 1.into(), u128::MAX.into(), 1.5.into(), std::time::Duration::ZERO.into()]
        {
            assert!(value.is_plain());
        }
        for value in ["x".into(), Value::bytes([]), Value::from([1]), [("x", 1)].into_iter().collect()] {
            assert!(!value.is_plain());
        }
    }
}
