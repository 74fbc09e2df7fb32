//! What the fuzzers do with their inputs: one module for each target, whose `run` takes any bytes and panics if the bus
//! breaks its word.
//!
//! 1. [`bytes`] turns an input into numbers, choices and texts; every input means something.
//! 2. [`pattern`], [`kind`] and [`json`] read the input as text, beside rules said naively.
//! 3. [`builder`] makes an event of it, and sends that through JSON and back.
//! 4. [`operations`] drives the bus and the reference bus of `tests/reference` with it.
//! 5. [`history`] publishes and looks back, beside a plain list.
//!
//! `tests/corpora.rs` of the crate includes these files too, and runs them on the inputs in `corpus`. So they name
//! their siblings by `crate::`, and need nothing but the bus, serde and the standard library.

mod bytes;
mod naive;
mod wire;

pub mod builder;
pub mod history;
pub mod json;
pub mod kind;
pub mod operations;
pub mod pattern;

// What the operations are driven with, under the names by which these files know each other.
#[path = "../../tests/reference/bus/mod.rs"]
mod bus;
#[path = "../../tests/reference/drive.rs"]
mod drive;
#[path = "../../tests/reference/face.rs"]
mod face;
