//! The models of the protocols, explored by loom: one protocol a file, in the order in which an event meets them.
//!
//! Each model names its promise, prints how many orders of its threads' steps it has explored, and must reach every
//! outcome that it lists. It runs the product's own code. `cargo xtask loom` runs them; `cargo xtask loom --mutants`
//! breaks each protocol in the known ways, and requires that its model fails.
#![cfg(ringbus_loom)]

mod support;

// First uses, and switches.
mod callsite_enable;
mod callsite_first_use;
mod gate_override;
mod global_install;
mod interner;

// The history.
mod counters_readers;
mod cursor;
mod recycle_bus;
mod reset_publish;
mod reset_readers;
mod slot_late_write;
mod slot_reader;
mod slot_recycling;
mod slot_two_laps;
mod slot_two_readers;
mod ticket;
mod ticket_wrap;

// The table.
mod table_dispatch;
mod table_reading;
mod table_removal;
mod table_swap;
mod two_swaps_dispatch;

// A handler and its end.
mod close_call;
mod close_close;
mod close_drop;
mod close_inside;
mod close_subscription;
mod close_wake;
mod last_holder;
mod rows_recycling;
mod thread_exit;
mod waiters;

// What publishers share besides.
mod baseline;
mod gate;
mod pile;

// What waits for a worker.
mod completion;
mod queue;
mod queue_evict;
mod queue_laps;
mod queued;
mod wakers;
mod watch;

// Whether it is called.
mod breaker;
mod limit;
mod mute;
mod once;
mod quarantine;
mod throttle;

// The past, and what waits.
mod control_replay;
mod deferred;
mod inbox;
mod inbox_overflow;
mod replay;
mod replay_live;
mod replay_overflow;
mod seam;
