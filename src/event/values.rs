//! [`Values`]: the values of one event, up to three in place.
//!
//! Every slot holds a value at all times, null where nothing was put. So a value is written straight into
//! its slot: a value that is handed to a push goes through memory first, because the push may unwind, and
//! is read back before it has arrived there (12 ns for three values, measured). And room that has served
//! serves again.

use core::mem;

use super::value::Value;

/// Values in place.
const INLINE: usize = 3;

/// The most slots that serve again.
const KEPT: usize = 32;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Values {
    /// The slots, unless there are wide ones.
    inline: [Value; INLINE],
    /// The slots, unless there are none.
    wide: Box<[Value]>,
    len: u32,
}

/// A slot that holds null.
pub(super) struct Slot<'a>(&'a mut Value);

// === impl Values ===

impl Values {
    #[inline]
    pub(super) fn as_slice(&self) -> &[Value] {
        let slots = if self.wide.is_empty() { &self.inline[..] } else { &self.wide };
        &slots[..self.len as usize]
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
        if at >= self.slots().len() {
            self.grow(2 * at);
        }
        Slot(&mut self.slots()[at])
    }

    /// Says that the first `len` slots have been filled.
    #[inline]
    pub(super) fn set_len(&mut self, len: usize) {
        self.len = len as u32;
    }

    /// Empties the slots, and frees them if they are many.
    #[inline]
    pub(super) fn clear(&mut self) {
        let len = mem::take(&mut self.len) as usize;
        for value in &mut self.slots()[..len] {
            // What owns nothing needs no call.
            if value.is_plain() {
                mem::forget(mem::take(value));
            } else {
                *value = Value::Null;
            }
        }
        if self.wide.len() > KEPT {
            self.wide = Box::default();
        }
    }

    #[inline]
    fn slots(&mut self) -> &mut [Value] {
        if self.wide.is_empty() { &mut self.inline } else { &mut self.wide }
    }

    #[cold]
    fn grow(&mut self, count: usize) {
        let mut wide = Vec::with_capacity(count);
        wide.extend(self.slots().iter_mut().map(mem::take));
        wide.resize(count, Value::Null);
        self.wide = wide.into();
    }
}

impl From<Vec<Value>> for Values {
    fn from(values: Vec<Value>) -> Self {
        let mut these = Self { len: values.len() as u32, ..Self::default() };
        if values.len() > INLINE {
            these.wide = values.into();
        } else {
            these.inline.iter_mut().zip(values).for_each(|(slot, value)| *slot = value);
        }
        these
    }
}

// === impl Slot ===

impl Slot<'_> {
    #[inline(always)]
    pub(super) fn fill(self, value: Value) {
        // Null owns nothing: forgetting it loses nothing, and saves the look at what was there.
        mem::forget(mem::replace(self.0, value));
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<Value> {
        (0..count).map(Value::from).collect()
    }

    #[test]
    fn values_stay_in_order_through_growth_and_reuse() {
        let mut values = Values::default();
        for round in 0..2 {
            for count in [0, 1, 3, 4, 7, 32] {
                if round == 0 {
                    values.reserve(count);
                }
                numbers(count).into_iter().enumerate().for_each(|(at, value)| values.slot(at).fill(value));
                values.set_len(count);
                assert_eq!(values.as_slice(), numbers(count));
                assert_eq!(Values::from(numbers(count)).as_slice(), numbers(count));
                values.clear();
                assert!(values.as_slice().is_empty() && values.slots().iter().all(Value::is_null));
            }
        }
    }

    #[test]
    fn few_slots_serve_again_and_many_are_freed() {
        let mut values = Values::from(numbers(KEPT));
        let slots = values.as_slice().as_ptr();
        values.clear();
        values.reserve(KEPT);
        assert_eq!(values.as_slice().as_ptr(), slots);
        values.reserve(KEPT + 1);
        values.clear();
        assert_eq!(values.slots().len(), INLINE);
    }
}
