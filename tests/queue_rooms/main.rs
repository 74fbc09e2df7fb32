//! The tests that `.cargo/mutants-queues.toml` names, as one program: each mutant is linked once, not a dozen times.
//!
//! `cargo test` does not run it: each of these files is a program of its own there. One that forks may be here if its
//! children begin no `std::thread` (see `support/foreign.rs`), and one that installs a step hook if no other does.

#![cfg(not(ringbus_loom))]
#![allow(clippy::duplicate_mod, reason = "what several of them share is in each of them")]

#[path = "../async_executors.rs"]
mod async_executors;
#[path = "../async_futures.rs"]
mod async_futures;
#[path = "../async_handlers.rs"]
mod async_handlers;
#[path = "../async_needed_threads.rs"]
mod async_needed_threads;
#[path = "../async_waits.rs"]
mod async_waits;
#[path = "../correlation.rs"]
mod correlation;
#[path = "../p06_own_work.rs"]
mod p06_own_work;
#[path = "../p08_awaited.rs"]
mod p08_awaited;
#[path = "../p08_dead_letters.rs"]
mod p08_dead_letters;
#[path = "../p08_ends.rs"]
mod p08_ends;
#[path = "../p08_guards.rs"]
mod p08_guards;
#[path = "../p08_left_undone.rs"]
mod p08_left_undone;
#[path = "../p08_mapped.rs"]
mod p08_mapped;
#[path = "../p08_queues.rs"]
mod p08_queues;
#[path = "../p08_retries.rs"]
mod p08_retries;
#[path = "../p08_stalled.rs"]
mod p08_stalled;
#[path = "../p08_unreadable.rs"]
mod p08_unreadable;
#[path = "../p10_fork_queues.rs"]
mod p10_fork_queues;
#[path = "../queue_texts.rs"]
mod queue_texts;
#[path = "../typed_system.rs"]
mod typed_system;
