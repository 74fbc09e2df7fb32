//! Forwarding as plain subscribers: a bus needs no plug-ins for files and webhooks, a handler with a queue is enough.
//!
//! 1. [`json_lines`] appends events to a file, [`webhook`] posts them to a URL. Each is a handler on a thread of its own
//!    with a bounded queue: a slow one holds up neither the publishers nor the other.
//! 2. A demonstration: several threads publish a series.
//! 3. The end, in order: the publishers are done, the bus is shut down, which drains the queues; each forwarder is waited
//!    for until it has written its last. Only then is there an [account](forwarder::Account): every accepted event is
//!    delivered, failed (and a dead letter), dropped, or discarded because the time was over.
//!
//! ```sh
//! cargo run --features serde --example forward -- --file events.jsonl --url http://127.0.0.1:8080/hook
//! ```

mod arguments;
mod forwarder;
mod json_lines;
mod webhook;

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use arguments::{Arguments, Request};
use forwarder::Forwarder;
use ringbus::{BoxError, Bus, publish_event};

/// The arguments, or what they name, are not what they should be.
const USAGE: u8 = 2;

/// What is forwarded: what the sensors say, and not what the bus says of itself.
const FORWARDED: &str = "sensor.**";

/// Each publishes from a thread of its own.
const SENSORS: [&str; 4] = ["north", "east", "south", "west"];

/// How long the queues may take to come to their end.
const LIMIT: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let arguments = match arguments::parse() {
        Ok(Request::Run(arguments)) => arguments,
        Ok(Request::Help) => return print(arguments::HELP).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        Err(error) => return usage(&format!("{error}\n\n{}", arguments::HELP)),
    };
    let file = match arguments.file.as_deref().map(json_lines::open) {
        None => None,
        Some(Ok(file)) => Some(file),
        Some(Err(error)) => return usage(&format!("--file {:?}: {error}", arguments.file.unwrap_or_default())),
    };
    match run(arguments, file) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Whether everything came through.
fn run(arguments: Arguments, file: Option<File>) -> Result<bool, BoxError> {
    // Every event may fail for each of two forwarders, and the account wants each letter.
    let letters = 2 * arguments::MOST as usize;
    let bus = Bus::builder().dead_letters(letters).on_failure(|failure| complain(&failure.to_string())).build()?;
    let mut forwarders = Vec::new();
    if let Some(file) = file {
        forwarders.push(json_lines::forward(&bus, FORWARDED, file)?);
    }
    if let Some(url) = arguments.url {
        forwarders.push(webhook::forward(&bus, FORWARDED, url)?);
    }

    let accepted = publish(&bus, arguments.events);

    let report = bus.shutdown(LIMIT);
    if !report.is_complete() {
        complain(&report.to_string());
    }
    forwarders.iter().try_for_each(Forwarder::end)?;
    account(&bus, &forwarders, accepted)
}

/// The series, an equal share by each sensor; how many events the bus has accepted.
fn publish(bus: &Bus, events: u64) -> u64 {
    let threads = SENSORS.len() as u64;
    let series = |sensor: u64| {
        let source = SENSORS[sensor as usize];
        let numbers = (sensor..events).step_by(SENSORS.len()).map(|n| n / threads);
        let accepted =
            numbers.filter(|n| publish_event!(bus: bus, "sensor.reading", source: source, n).event.is_some());
        accepted.count() as u64
    };
    thread::scope(|scope| {
        let sensors: Vec<_> = (0..threads).map(|sensor| scope.spawn(move || series(sensor))).collect();
        sensors.into_iter().map(|sensor| sensor.join().unwrap_or(0)).sum()
    })
}

/// Prints the dead letters, how the circuits stand, and the account of every event; whether all came through.
fn account(bus: &Bus, forwarders: &[Forwarder], accepted: u64) -> Result<bool, BoxError> {
    let letters = bus.take_dead_letters();
    let mut text: String = letters.iter().map(|letter| format!("dead letter: {letter}\n")).collect();
    for forwarder in forwarders {
        if let Some(circuit) = forwarder.circuit() {
            text += &format!("circuit of {}: {circuit}\n", forwarder.name);
        }
    }
    text += &format!("{accepted} accepted");
    let accounts: Vec<_> = forwarders.iter().map(|forwarder| forwarder.account(&letters)).collect();
    accounts.iter().for_each(|account| text += &format!("; {account}"));
    print(&(text + "\n"))?;
    if !accounts.iter().all(|account| account.adds_up_to(accepted)) {
        return Err("the account does not add up".into());
    }
    Ok(accounts.iter().all(|account| account.is_all_of(accepted)))
}

/// Prints to standard output; a reader that has gone away (`forward | head`) is no failure.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

fn usage(message: &str) -> ExitCode {
    complain(message);
    ExitCode::from(USAGE)
}

/// Tells standard error; if nobody is there to be told, so be it.
fn complain(message: &str) {
    let _ = writeln!(io::stderr().lock(), "forward: {message}");
}
