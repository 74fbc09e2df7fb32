//! Statistical process control: measurements go on control charts; the Nelson rules find violations there, which are
//! published and sent to a notifier.
//!
//! 1. The [`reader`] reads a [`series`] of measurements, gathers it into [`subgroups`] and publishes them. (It can be
//!    [`generate`]d.)
//! 2. The [`monitor`]'s threads put each subgroup on its characteristic's [`charts`], where the [`rules`] look at the points
//!    one by one. What they see is published: [`events`].
//! 3. Subscribers, who know the events and not each other: [`alerts`] (acknowledges violations, and says when too many are
//!    open), the [`notifier`] (async; fails now and then), the [`audit`] log, the [`report`], the [`letters`] that are dead.
//! 4. Beside them: [`statistics`], live.
//! 5. The end, of the series or by an [`interrupt`], in order: the reader has published its last, and the monitor hears that
//!    the series has ended; what waits is worked on, and what comes of it; the bus is shut down. Then there is an
//!    [`account`] of every event.
//!
//! ```sh
//! cargo run --features async,derive --example spc_monitor
//! cargo run --features async,derive --example spc_monitor -- --loop --live    # until Ctrl-C
//! ```
//!
//! It prints the limits as soon as they are known, and at the end: for each characteristic how often each rule has fired, how
//! many events of each kind were accepted, and what became of those that each subscriber was offered. The last line says
//! whether all of these agree: `… events, … dead letters (… seen by a subscriber): all accounted for`.

mod account;
mod alerts;
mod arguments;
mod audit;
mod charts;
mod events;
mod generate;
mod interrupt;
mod letters;
mod monitor;
mod notifier;
mod output;
mod reader;
mod report;
mod rules;
mod series;
mod statistics;
mod subgroups;

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use account::{Account, Counted};
use arguments::{Arguments, Request};
use audit::Audited;
use output::{complain, print, unless_gone};
use reader::{Reader, Tally};
use report::Report;
use ringbus::{BoxError, Bus, Overflow, Subscription};
use statistics::Statistics;
use tokio::runtime::Runtime;

/// The arguments, or what they name, are not what they should be.
const USAGE: u8 = 2;

/// Events that may wait for a handler that is to miss none.
const CAPACITY: usize = 1024;

/// When a queue is full its publisher waits, for at most a minute; a loss after that is counted, and the account shows it. No
/// deadlock: handlers publish only to those that come later in [`subscribe`].
const WAIT_FOR_ROOM: Overflow = Overflow::Block { up_to: Duration::from_secs(60) };

/// How long the queues may take to come to their end.
const LIMIT: Duration = Duration::from_secs(60);

/// How long a reader may take to see that it is to stop. One that waits for a file is left behind.
const GRACE: Duration = Duration::from_secs(2);

/// What the program waits for.
enum Message {
    Read(Result<(), String>),
    Interrupted,
}

/// What is gathered while it runs.
#[derive(Default)]
struct Gathered {
    tally: Arc<Tally>,
    report: Arc<Mutex<Report>>,
    audited: Arc<Mutex<Audited>>,
    letters: Arc<AtomicU64>,
}

fn main() -> ExitCode {
    let result = match arguments::parse() {
        Ok(Request::Monitor(arguments)) => return monitor(&arguments),
        Ok(Request::Generate { seed }) => {
            let mut out = io::BufWriter::new(io::stdout().lock());
            unless_gone(generate::write(seed, generate::EXTENT, &mut out).and_then(|()| out.flush()))
        }
        Ok(Request::Help) => print(arguments::HELP),
        Err(error) => return usage(&format!("{error}\n\n{}", arguments::HELP)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&format!("cannot print: {error}")),
    }
}

fn monitor(arguments: &Arguments) -> ExitCode {
    let (input, audit) = match open(arguments) {
        Ok(files) => files,
        Err(error) => return usage(&error),
    };
    match run(arguments, input, audit) {
        Ok(code) => code,
        Err(error) => failed(&error.to_string()),
    }
}

/// The files that are read and written.
fn open(arguments: &Arguments) -> Result<(Option<File>, Option<File>), String> {
    let input = arguments.input.as_ref().map(|path| (path, File::open(path)));
    let input = input.map(|(path, file)| file.map_err(|error| format!("--input {path:?}: {error}"))).transpose()?;
    let audit = arguments.audit.as_ref().map(|path| (path, audit::create(path, input.as_ref())));
    let audit = audit.map(|(path, file)| file.map_err(|error| format!("--audit {path:?}: {error}"))).transpose()?;
    Ok((input, audit))
}

fn run(arguments: &Arguments, input: Option<File>, audit: Option<File>) -> Result<ExitCode, BoxError> {
    let bus = Bus::builder().dead_letters(letters::KEPT).build()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build()?;
    let gathered = Gathered::default();
    let subscriptions = subscribe(&bus, &runtime, arguments, audit, &gathered)?;
    let live = arguments.live || io::stderr().is_terminal();
    let statistics = if live { Some(Statistics::start(&bus)?) } else { None };

    let (reader, messages) = start(&bus, arguments, input, &gathered)?;
    let threads = arguments.threads;
    print(&format!("subgroups of {}, baseline {}, {threads} threads\n", arguments.size, arguments.baseline))?;
    let read = wait(&reader, &messages);

    // What handlers publish is refused once the bus is shut down: so they have all done their work before.
    if let Err(busy) = bus.wait_idle(LIMIT) {
        complain(&busy.to_string());
    }
    let shutdown = bus.shutdown(LIMIT);
    if !shutdown.is_complete() {
        complain(&shutdown.to_string());
    }
    // One that does not come to its end is in the account.
    for error in subscriptions.iter().filter_map(|one| one.close_timeout(LIMIT).err()) {
        complain(&error.to_string());
    }
    statistics.into_iter().for_each(Statistics::end);

    let complete = conclude(&bus, &subscriptions, &gathered)?;
    Ok(match read {
        Err(error) => usage(&error),
        Ok(()) if complete && shutdown.is_complete() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
    })
}

/// Everybody who takes events; in the order in which they come to them.
fn subscribe(
    bus: &Bus,
    runtime: &Runtime,
    arguments: &Arguments,
    audit: Option<File>,
    gathered: &Gathered,
) -> Result<Vec<Subscription>, BoxError> {
    let mut subscriptions = monitor::subscribe(bus, arguments)?;
    subscriptions.push(alerts::subscribe(bus)?);
    subscriptions.push(notifier::subscribe(bus, runtime, arguments.failures)?);
    subscriptions.push(letters::subscribe(bus, &gathered.letters)?);
    subscriptions.push(report::subscribe(bus, &gathered.report)?);
    subscriptions.extend(audit::subscribe(bus, audit, &gathered.audited)?);
    Ok(subscriptions)
}

/// Starts the reader, and listens to interrupts.
fn start(
    bus: &Bus,
    arguments: &Arguments,
    input: Option<File>,
    gathered: &Gathered,
) -> Result<(Arc<Reader>, Receiver<Message>), BoxError> {
    let (send, messages) = channel();
    let reader = Arc::new(Reader::new(bus, arguments, Arc::clone(&gathered.tally))?);
    let interrupted = send.clone();
    interrupt::on_request(move || {
        // Told here, as the series may have ended, and what was read be still in work: nobody reads the message then. And on a
        // thread of its own: where nobody reads standard error, the second request is to be taken all the same.
        let stops = interrupted.clone();
        let tell = move || {
            complain("interrupted: what was read is worked on; once more ends at once");
            let _ = stops.send(Message::Interrupted);
        };
        if thread::Builder::new().name("interrupted".into()).spawn(tell).is_err() {
            let _ = interrupted.send(Message::Interrupted);
        }
    })?;
    let reads = Arc::clone(&reader);
    let read = move || {
        let read = panic::catch_unwind(AssertUnwindSafe(|| reads.run(input)));
        let _ = send.send(Message::Read(read.unwrap_or_else(|_| Err("the reader has panicked".into()))));
    };
    thread::Builder::new().name("reader".into()).spawn(read)?;
    Ok((reader, messages))
}

/// Waits until the series is read, or its reading is stopped; after that the reader publishes nothing.
fn wait(reader: &Reader, messages: &Receiver<Message>) -> Result<(), String> {
    let mut message = messages.recv().ok();
    if let Some(Message::Interrupted) = message {
        reader.stop();
        message = messages.recv_timeout(GRACE).ok();
    }
    // One that waits for its file has not ended its round, nor has one that has panicked.
    reader.end_round();
    if let Some(Message::Read(result)) = message { result } else { Ok(()) }
}

/// Prints what has been seen, and the account of it; whether nothing is missing.
fn conclude(bus: &Bus, subscriptions: &[Subscription], gathered: &Gathered) -> Result<bool, BoxError> {
    let Gathered { tally, report, audited, letters } = gathered;
    let report = report.lock().unwrap_or_else(PoisonError::into_inner);
    let mut audited = audited.lock().unwrap_or_else(PoisonError::into_inner);
    let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
    let counted = Counted {
        subgroups: read(&tally.subgroups),
        reported: report.subgroups(),
        audited: std::mem::take(&mut audited.by_kind),
        letters: read(letters),
    };
    let account = Account::new(bus, subscriptions, counted);
    let mut text = report.to_string();
    text +=
        &format!("read {} rows in {} rounds; {} faults\n", read(&tally.rows), read(&tally.rounds), read(&tally.faults));
    let kept = bus.take_dead_letters();
    if !kept.is_empty() {
        text += "dead letters, the last of them:\n";
    }
    kept.iter().for_each(|letter| text += &format!("  {letter}\n"));
    print(&(text + &account.to_string()))?;
    if let Some(error) = &audited.unwritten {
        complain(&format!("--audit: {error}; the rest of it is missing"));
    }
    Ok(account.is_complete() && audited.unwritten.is_none())
}

fn usage(message: &str) -> ExitCode {
    complain(message);
    ExitCode::from(USAGE)
}

fn failed(message: &str) -> ExitCode {
    complain(message);
    ExitCode::FAILURE
}
