//! The coaching system's side of it: who listens to which channel, and what is said there.

use std::sync::Arc;
use std::time::Duration;

use ringbus::{BoxError, Bus, Event, Failure, FailureCause, Subscription, Value, publish_event};
use tokio::sync::{Notify, Semaphore};

use crate::output::line;

/// Nothing here takes long: it would be a failure.
const LIMIT: Duration = Duration::from_secs(60);

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

/// Says something on a channel, waits until everybody has heard it, and prints how many have.
pub(crate) async fn say(bus: &Bus, channel: &str, text: &str) -> Result<(), BoxError> {
    line(format_args!("  > {channel}: {text}"));
    let said = Event::builder(channel).source("coach").field("text", text).build()?;
    let waited = bus.publish_and_wait_async(said, LIMIT).await?;
    line(format_args!("    heard by {}, failed {}", waited.delivered, waited.errors.len()));
    Ok(())
}

/// Says something on a channel and goes on; prints for how many handlers it waits now.
pub(crate) fn mention(bus: &Bus, channel: &str, text: &str) {
    line(format_args!("  > {channel}: {text}"));
    let delivery = publish_event!(bus: bus, kind: channel, source: "coach", text);
    line(format_args!("    waits for {}", delivery.enqueued));
}

/// What was said; an event without is no message.
pub(crate) fn text(event: &Event) -> Result<&str, BoxError> {
    Ok(event.get("text").and_then(Value::as_str).ok_or("there is no text")?)
}

/// Prints what is said on a channel, until the guard is dropped.
pub(crate) fn listen(bus: &Bus, channel: &str, name: &'static str) -> Result<Subscription, BoxError> {
    let hear = move |event: Event| async move {
        line(format_args!("    {name} hears on {}: {}", event.kind(), text(&event)?));
        Ok(())
    };
    Ok(bus.on(channel)?.named(name).in_tokio()?.try_subscribe(hear)?)
}

/// A listener who waits for somebody's nod before it goes on; others have their turn meanwhile.
pub(crate) fn ask(bus: &Bus, channel: &str, name: &'static str, nod: &Arc<Notify>) -> Result<Subscription, BoxError> {
    let nod = Arc::clone(nod);
    let hear = move |event: Event| {
        let nod = Arc::clone(&nod);
        async move {
            line(format_args!("    {name} hears on {}, and looks around", event.kind()));
            nod.notified().await;
            line(format_args!("    {name} has seen a nod: {}", text(&event)?));
            Ok(())
        }
    };
    Ok(bus.on(channel)?.named(name).in_tokio()?.try_subscribe(hear)?)
}

/// A listener who nods.
pub(crate) fn nod(bus: &Bus, channel: &str, name: &'static str, nod: &Arc<Notify>) -> Result<Subscription, BoxError> {
    let nod = Arc::clone(nod);
    let hear = move |event: Event| {
        let nod = Arc::clone(&nod);
        async move {
            line(format_args!("    {name} hears on {}, and nods", event.kind()));
            nod.notify_one();
        }
    };
    Ok(bus.on(channel)?.named(name).in_tokio()?.subscribe(hear)?)
}

/// A listener whose work takes long: each event waits for somebody to say that it may be done.
pub(crate) struct Scribe {
    pub(crate) guard: Subscription,
    /// A permit for each event.
    pub(crate) may: Arc<Semaphore>,
}

// === impl Scribe ===

impl Scribe {
    pub(crate) fn listen(bus: &Bus, channel: &str) -> Result<Self, BoxError> {
        let may = Arc::new(Semaphore::new(0));
        let allowed = Arc::clone(&may);
        let summarize = move |event: Event| {
            let allowed = Arc::clone(&allowed);
            async move {
                allowed.acquire().await?.forget();
                let words = text(&event)?.split(' ').count();
                line(format_args!("    the scribe writes: {words} words on {}", event.kind()));
                Ok(())
            }
        };
        let guard = bus.on(channel)?.named("scribe").in_tokio()?.try_subscribe(summarize)?;
        Ok(Self { guard, may })
    }
}
