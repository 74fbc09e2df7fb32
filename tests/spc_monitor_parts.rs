//! The parts of the example `spc_monitor` that can be tried by themselves, each with the tests in its own file.
//!
//! Cargo would build an example with tests of its own without the program itself, which other tests run.
#![cfg(all(feature = "derive", not(ringbus_loom)))]
#![allow(dead_code, reason = "the program uses the rest")]

#[path = "../examples/spc_monitor/account.rs"]
mod account;
#[path = "../examples/spc_monitor/arguments.rs"]
mod arguments;
#[path = "../examples/spc_monitor/charts.rs"]
mod charts;
#[path = "../examples/spc_monitor/events.rs"]
mod events;
#[path = "../examples/spc_monitor/generate.rs"]
mod generate;
#[path = "../examples/spc_monitor/interrupt.rs"]
mod interrupt;
#[path = "../examples/spc_monitor/output.rs"]
mod output;
#[path = "../examples/spc_monitor/reader.rs"]
mod reader;
#[path = "../examples/spc_monitor/rules.rs"]
mod rules;
#[path = "../examples/spc_monitor/series.rs"]
mod series;
#[path = "../examples/spc_monitor/subgroups.rs"]
mod subgroups;
