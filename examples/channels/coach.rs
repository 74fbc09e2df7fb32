//! The coaching system's side of it: who listens to which channel, and what is said there.

use std::sync::mpsc::{self, Receiver, Sender};

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

/// Says something on a channel, and prints how many handlers heard it, and how many with a queue will hear it later.
pub(crate) fn say(bus: &Bus, channel: &str, text: &str) {
    line(format_args!("  > {channel}: {text}"));
    let delivery = publish_event!(bus: bus, kind: channel, source: "coach", text);
    let later = if delivery.enqueued > 0 { format!(", queued for {}", delivery.enqueued) } else { String::new() };
    line(format_args!("    heard by {}, failed {}{later}", delivery.delivered, delivery.failed));
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

/// A listener whose work takes long: it has a queue, and a thread of its own.
pub(crate) struct Scribe {
    pub(crate) guard: Subscription,
    /// Dropped, it lets the work begin: the publisher is through long before.
    pub(crate) begin: Sender<()>,
    /// What has been written; no more comes when the handler has been dropped.
    pub(crate) summaries: Receiver<String>,
}

// === impl Scribe ===

impl Scribe {
    pub(crate) fn listen(bus: &Bus, channel: &str) -> Result<Self, BoxError> {
        let (begin, begun) = mpsc::channel();
        let (sender, summaries) = mpsc::channel();
        let summarize = move |event: &Event| {
            // Nothing is ever sent: it waits until nobody could any more.
            let _ = begun.recv();
            Ok(sender.send(summary(event)?)?)
        };
        let guard = bus.on(channel)?.named("scribe").in_thread().try_subscribe(summarize)?;
        Ok(Self { guard, begin, summaries })
    }
}

/// The slow work.
fn summary(event: &Event) -> Result<String, BoxError> {
    Ok(format!("{} words on {}", text(event)?.split(' ').count(), event.kind()))
}
