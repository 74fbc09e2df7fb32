//! What every program that measures shares: ringbus's own benchmarks, and the rivals' crate, which mounts this folder.
//!
//! 1. [`options`] says what was asked for on the command line.
//! 2. [`row`] is one comparison with its two sides; [`threads`] runs a side's work and says how long it took.
//! 3. [`pairs`] runs the two sides in turn, many times over; [`numbers`] makes one figure of what came out, and
//!    [`histogram`] tells quantiles. [`lines`] is the form in which programs tell the report.
//! 4. [`payload`] is the event that all publish, [`seen`] the work of every handler, [`locked_port`] what people write
//!    by hand: the yardstick.
#![allow(dead_code, reason = "each program uses a part of it")]

pub mod histogram;
pub mod lines;
pub mod locked_port;
pub mod numbers;
pub mod options;
pub mod pairs;
pub mod payload;
pub mod row;
pub mod seen;
pub mod threads;
