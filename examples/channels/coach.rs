//! The coaching system's side of it: who listens to which channel, and what is said there.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use ringbus::{BoxError, Bus, Event, Failure, FailureCause, PatternError, Subscription, Value, publish_event};

use crate::output::line;

/// A bus that prints which of its handlers fail.
pub(crate) fn bus() -> Result<Bus, BoxError> {
    let report = |failure: &Failure<'_>| {
        let name = failure.name.unwrap_or("a handler");
        match failure.cause {
            FailureCause::Panic(text) => line(format_args!("  ! {name} panicked: {text}")),
            FailureCause::Error(error) => line(format_args!("  ! {name} failed: {error}")),
            _ => line(format_args!("  ! {name} failed")),
        }
    };
    Ok(Bus::builder().on_failure(report).build()?)
}

/// Says something on a channel, and prints how many handlers heard it.
pub(crate) fn say(bus: &Bus, channel: &str, text: &str) {
    line(format_args!("  > {channel}: {text}"));
    let delivery = publish_event!(bus: bus, kind: channel, source: "coach", text);
    line(format_args!("    heard by {}, failed for {}", delivery.delivered, delivery.failed));
}

/// What was said; an event without is no message.
pub(crate) fn text(event: &Event) -> Result<&str, BoxError> {
    Ok(event.get("text").and_then(Value::as_str).ok_or("there is no text")?)
}

/// Prints what is said on a channel, until the guard is dropped.
pub(crate) fn listen(bus: &Bus, channel: &str, name: &'static str) -> Result<Subscription, PatternError> {
    let hear = move |event: &Event| {
        line(format_args!("    {name} hears on {}: {}", event.kind(), text(event)?));
        Ok(())
    };
    Ok(bus.on(channel)?.named(name).try_subscribe(hear))
}

/// A listener whose work takes long: the handler hands it to a thread of its own and is done.
pub(crate) struct Scribe {
    pub(crate) guard: Subscription,
    /// The thread waits for this before it begins: the publisher is through long before.
    pub(crate) begin: Sender<()>,
    pub(crate) thread: JoinHandle<Vec<String>>,
}

// === impl Scribe ===

impl Scribe {
    pub(crate) fn listen(bus: &Bus, channel: &str) -> Result<Self, BoxError> {
        let (sender, work) = mpsc::channel();
        let (begin, begun) = mpsc::channel();
        let thread = thread::Builder::new().name("scribe".into()).spawn(move || summarize(&begun, &work))?;
        // An event is a counted pointer: cloning it copies nothing.
        let hand_over = move |event: &Event| Ok(sender.send(event.clone())?);
        let guard = bus.on(channel)?.named("scribe").try_subscribe(hand_over);
        Ok(Self { guard, begin, thread })
    }
}

/// The slow work. It ends when nobody is left who could hand over more.
fn summarize(begun: &Receiver<()>, work: &Receiver<Event>) -> Vec<String> {
    // Without a sign it begins when it could not come any more.
    let _ = begun.recv();
    let summary = |event: Event| format!("{} words on {}", text(&event).unwrap_or("").split(' ').count(), event.kind());
    work.iter().map(summary).collect()
}
