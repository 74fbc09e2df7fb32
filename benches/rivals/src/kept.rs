//! The last 500 events as people keep them who write a collector for `tracing` or `log`: a ring behind a lock.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::common::payload::HISTORY;

/// The last events of type `T`, oldest first.
pub struct Kept<T>(Mutex<VecDeque<T>>);

impl<T> Kept<T> {
    pub fn new() -> Self {
        Self(Mutex::new(VecDeque::with_capacity(HISTORY)))
    }

    /// Adds an event, and drops the oldest where they are too many, outside of the lock.
    #[inline]
    pub fn push(&self, event: T) {
        let oldest = {
            let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let oldest = if events.len() == HISTORY { events.pop_front() } else { None };
            events.push_back(event);
            oldest
        };
        drop(oldest);
    }
}
