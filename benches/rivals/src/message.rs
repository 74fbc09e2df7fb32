//! The telemetry event as a rival carries it: what ringbus's call site makes, put together by hand.
//!
//! The cheapest that still says the same: names are literals, three fields lie in place, the id is a thread's own count.
//! A library that has fields of its own (`tracing`, `log`) fills one of these when it keeps the event.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use ringbus::Value;

use crate::common::payload::{COLUMN, FATAL, KIND, SOURCE};

/// An event of a rival.
#[derive(Clone)]
#[allow(dead_code, reason = "what handlers would read")]
pub struct Message {
    pub id: u64,
    pub at: SystemTime,
    pub kind: &'static str,
    pub source: &'static str,
    pub fields: [(&'static str, Value); 3],
}

impl Message {
    /// The event of the call site, number `n`.
    #[inline]
    pub fn new(n: u64) -> Self {
        Self {
            id: id(),
            at: SystemTime::now(),
            kind: KIND,
            source: SOURCE,
            fields: [("line", Value::from(n)), ("column", Value::from(COLUMN)), ("fatal", Value::from(FATAL))],
        }
    }
}

/// An id that is unique in this process: the thread's number above its count.
#[inline]
pub fn id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    thread_local! { static MINE: Cell<u64> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) << 40) }
    MINE.replace(MINE.get() + 1)
}
