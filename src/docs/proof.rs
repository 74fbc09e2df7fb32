//! What shows each [promise](super::promises): models, mutations of the source that they have caught, tests, and more.
//!
//! - A model (`tests/loom`) explores the orders in which threads can take their steps, weak memory included, all of them or
//!   up to a bound that it prints; the number is about how many. `cargo xtask loom`, with `--mutants` for the
//!   mutations.
//! - A test bears the promise's number in its name, or in its file's; the number is how many a file holds.
//! - The stress run, the sanitizers, the fuzz targets and the reference bus: `cargo xtask help` names their commands,
//!   `ARCHITECTURE.md` says what each is for.
//!
#![doc = include_str!("proof.md")]
