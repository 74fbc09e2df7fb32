//! What is printed: a line for every event while it happens, and the report at the end. Fits a terminal of 80 columns.

use std::io::{self, Write};

use ringbus::{BoxError, Event, Subscription, Value};

use crate::json;

/// Columns of the terminal.
const WIDTH: usize = 80;

/// Events of the history shown at the end.
const RECENT: usize = 10;

/// Texts of so many characters, quotes included, are not shortened.
const SHORT: usize = 12;

/// Prints every event from now on, until it is closed.
pub(crate) fn subscribe(as_json: bool) -> Subscription {
    let form = if as_json { json::line } else { line };
    let all = ringbus::on("**").unwrap_or_else(|error| unreachable!("a pattern of ours: {error}"));
    // Handlers run on the threads that publish: a line is made first, and written in one go.
    all.named("printer").try_subscribe(move |event| print(&(form(event) + "\n")).map_err(BoxError::from))
}

/// The statistics and the newest events.
pub(crate) fn report() -> String {
    let mut report = format!("\nthe bus\n{}", indented(&ringbus::stats().to_string()));
    let events = ringbus::recent(RECENT);
    report += &format!("\nthe last {} events, newest first\n", events.len());
    report + &indented(&events.iter().map(|event| narrow(event, WIDTH - 2) + "\n").collect::<String>())
}

/// Prints to standard output; a reader that has gone away (`telemetry | head`) is no failure.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

fn line(event: &Event) -> String {
    narrow(event, WIDTH)
}

/// Time of day (UTC), kind, source and fields; long texts shortened, so that it fits into `width`.
fn narrow(event: &Event, width: usize) -> String {
    let time = Value::Time(event.timestamp()).to_string();
    let time = time.split_once('T').and_then(|(_, time)| time.get(..8)).unwrap_or(&time);
    let head = format!("{time} {:<16} {:<8} ", event.kind().as_str(), event.source().unwrap_or_default());

    let given = || event.payload().iter().filter(|(_, value)| !value.is_null());
    let fields = |longest: usize| {
        let shown = |(index, (name, value)): (usize, (&str, &Value))| {
            let text = value.to_string();
            let long = value.as_str().is_some() && text.chars().count() > SHORT;
            let text = if long { shortened(&text, longest) } else { text };
            // The first field is what the event is about: it needs no name.
            if index == 0 { text } else { format!("{name}={text}") }
        };
        given().enumerate().map(shown).collect::<Vec<_>>().join(" ")
    };
    let room = width.saturating_sub(head.chars().count());
    let fitting = (1..=room).rev().map(fields).find(|fields| fields.chars().count() <= room);
    // Where even one character of each text is too much.
    head + &fitting.unwrap_or_else(|| shortened(&fields(1), room))
}

/// The text, its middle left out where it is too long.
fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let end = width / 2;
    let begin = width.saturating_sub(end + 1);
    text.chars().take(begin).chain(['…']).chain(text.chars().skip(length - end)).collect()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
