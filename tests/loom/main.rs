//! The models of the protocols, explored by loom: one protocol a file, in the order in which an event meets them.
//!
//! Each model names its promise, prints how many orders of its threads' steps it has explored, and must reach every
//! outcome that it lists. It runs the product's own code. `cargo xtask loom` runs them; `cargo xtask loom --mutants`
//! breaks each protocol in the known ways, and requires that its model fails.
#![cfg(ringbus_loom)]

mod support;

// First uses.
mod callsite_first_use;
mod interner;

// The history.
mod cursor;
mod slot_late_write;
mod slot_recycling;
mod ticket;

// The table.
mod table_dispatch;
mod table_removal;
mod table_swap;

// A handler and its end.
mod close_call;
mod close_close;
mod close_wake;
mod limit;
mod mute;
mod quarantine;

// The past, and what waits.
mod deferred;
mod inbox;
mod replay;
mod replay_overflow;
