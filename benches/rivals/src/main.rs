//! The same work with what people would otherwise pick, beside ringbus, in one process and in turn.
//!
//! 1. [`rival`] is what is known of each: name, rows, and what it does less; all are listed here.
//! 2. [`ours`] is ringbus's side of every row; `../common` holds the runner, the event's fields and the handler's work.
//! 3. Handlers called by the publisher: [`tracing`], [`log`], [`signals2`], [`bevy`], and [`locked`], a bus by hand.
//! 4. Queues to a thread: [`channel`], [`broadcast`], [`bus`], [`disruptor`]; [`consumer`] runs that thread.
//! 5. [`counted`] sees to it that every side has done its work.
//! 6. [`message`] is the event of those that have none of their own, [`kept`] the history of those whose users write
//!    one.
//!
//! It prints figures for the report and judges nothing: no time fails it.

#[path = "../../common/mod.rs"]
mod common;

mod bevy;
mod broadcast;
mod bus;
mod channel;
mod consumer;
mod counted;
mod disruptor;
mod kept;
mod locked;
mod log;
mod message;
mod ours;
mod rival;
mod signals2;
mod tracing;

use std::process::ExitCode;

use common::options::Options;
use common::row::RowMaker;
use common::{lines, pairs};
use rival::Rival;

/// In the order of the report.
const RIVALS: [Rival; 9] = [
    tracing::RIVAL,
    signals2::RIVAL,
    locked::RIVAL,
    log::RIVAL,
    bevy::RIVAL,
    channel::RIVAL,
    broadcast::RIVAL,
    bus::RIVAL,
    disruptor::RIVAL,
];

/// Those whose event is put together by hand.
const EVERY: &str = "every rival but the locked port";

fn main() -> ExitCode {
    if let Ok(options) = Options::parse(std::env::args().skip(1)) {
        if !options.list && !options.help {
            println!("{}", lines::does_not(EVERY, "ids are counted by thread: unique in the process, not beyond it"));
            RIVALS.iter().for_each(|rival| shortcomings(rival, &options));
        }
    }
    let rows: Vec<RowMaker> = RIVALS.iter().flat_map(|rival| rival.rows).copied().collect();
    pairs::program(&rows, &[], |_| {})
}

/// Prints what a rival does less, if one of its rows is wanted.
fn shortcomings(rival: &Rival, options: &Options) {
    if rival.rows.iter().any(|row| options.wants(row.id)) {
        rival.does_not.iter().for_each(|what| println!("{}", lines::does_not(rival.name, what)));
    }
}
