//! ringbus's rows: all that needs no foreign crate as a yardstick.
//!
//! 1. [`sides`] is what most rows are made of: our bus and the locked port with so many handlers. [`private`] is the
//!    same work without a bus, each thread for itself: the control.
//! 2. [`full`] is the full telemetry event; [`threads`] is the same on more and more threads, with the control.
//! 3. [`fan`], [`fields`], [`kinds`] and [`nested`] vary one thing: handlers, payload, kinds, depth; [`batch`] publishes
//!    many at once.
//! 4. [`queued`] is about handlers that take their time: on threads, as tasks, waited for, too slow.
//! 5. [`held`] and [`readers`] are about what others do meanwhile: subscriptions to other kinds, coming and going ones,
//!    readers of the history.
//! 6. [`parts`] is the sum of its parts, [`latency`] what single publishes take under load.
//!
//! Two programs run them: `cargo bench --bench criterion` and `cargo bench --bench pairs`.
#![allow(dead_code, reason = "criterion runs no studies")]

mod batch;
pub mod fan;
mod fields;
mod full;
mod held;
mod kinds;
mod latency;
mod nested;
mod parts;
mod private;
mod queued;
mod readers;
mod sides;
mod threads;

use crate::common::row::{RowMaker, Study};

/// All rows. The last ones fill the process's list of kinds.
pub fn rows() -> Vec<RowMaker> {
    [
        full::ROWS,
        fan::ROWS,
        fields::ROWS,
        nested::ROWS,
        batch::ROWS,
        queued::ROWS,
        parts::ROWS,
        readers::ROWS,
        held::ROWS,
        kinds::ROWS,
    ]
    .concat()
}

/// What prints lines of its own.
pub fn studies() -> Vec<Study> {
    [threads::STUDIES, parts::STUDIES, latency::STUDIES].concat()
}
