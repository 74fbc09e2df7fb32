//! The steps of the show.

use std::panic;
use std::sync::Arc;
use std::time::Duration;

use ringbus::{BoxError, Bus, publish_event};

use crate::coach::{self, Scribe, ask, listen, mention, nod, say, text};
use crate::output::line;

/// Runs them all, on one bus.
pub(crate) async fn show() -> Result<(), BoxError> {
    let bus = coach::bus()?;
    channel_by_name(&bus).await?;
    several_handlers(&bus).await?;
    isolated_channels(&bus).await?;
    failing_handlers(&bus).await?;
    lists_and_counts(&bus)?;
    slow_handler(&bus).await?;
    close(&bus).await?;
    shutdown(&bus).await
}

fn title(text: &str) {
    line(format_args!("\n{text}"));
}

async fn channel_by_name(bus: &Bus) -> Result<(), BoxError> {
    line(format_args!("1. Subscribe, publish, unsubscribe by name"));
    say(bus, "session.start", "Is anybody there?").await?;
    let ada = listen(bus, "session.start", "Ada")?;
    say(bus, "session.start", "Welcome.").await?;
    ada.unsubscribe();
    say(bus, "session.start", "Are you gone?").await
}

async fn several_handlers(bus: &Bus) -> Result<(), BoxError> {
    title("2. Several handlers on a channel, each a task of its own: one waits for another");
    let nodded = Arc::default();
    let _ada = ask(bus, "session.goal", "Ada", &nodded)?;
    let _bob = nod(bus, "session.goal", "Bob", &nodded)?;
    say(bus, "session.goal", "Run ten kilometres.").await
}

async fn isolated_channels(bus: &Bus) -> Result<(), BoxError> {
    title("3. Channels are isolated from each other");
    let _ada = listen(bus, "team.red", "Ada")?;
    let _bob = listen(bus, "team.blue", "Bob")?;
    say(bus, "team.red", "To the left.").await?;
    say(bus, "team.blue", "To the right.").await
}

async fn failing_handlers(bus: &Bus) -> Result<(), BoxError> {
    title("4. A handler that fails or panics harms no other");
    let note = || bus.on("session.note");
    let full = |_| async { Err("the disk is full".into()) };
    let _broken = note()?.named("the archive").in_tokio()?.try_subscribe(full)?;
    let _worse = note()?.named("the printer").in_tokio()?.subscribe(|_| async { panic!("out of paper") })?;
    let _ada = listen(bus, "session.note", "Ada")?;
    // The bus reports the panic; the default report would say it again.
    let default = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let said = say(bus, "session.note", "Well done.").await;
    panic::set_hook(default);
    for letter in bus.take_dead_letters() {
        let name = letter.name.as_deref().unwrap_or_default();
        line(format_args!("  dead letter of {name}: {}", text(&letter.event)?));
    }
    said
}

fn lists_and_counts(bus: &Bus) -> Result<(), BoxError> {
    title("5. Which channels there are, and who listens");
    let _ada = listen(bus, "team.red", "Ada")?;
    let _bob = listen(bus, "team.red", "Bob")?;
    let _eve = listen(bus, "team.blue", "Eve")?;
    for channel in bus.kinds() {
        line(format_args!("  {:<12} {}", channel.as_str(), bus.subscriber_count(&channel)));
    }
    line(format_args!("  {:<12} {}", "team.green", bus.subscriber_count("team.green")));
    let names: Vec<String> = bus.subscriptions().into_iter().filter_map(|info| info.name).collect();
    line(format_args!("  handlers: {}", names.join(", ")));
    Ok(())
}

async fn slow_handler(bus: &Bus) -> Result<(), BoxError> {
    title("6. A slow handler holds up neither the coach nor the others");
    let scribe = Scribe::listen(bus, "session.note")?;
    let ada = listen(bus, "session.note", "Ada")?;
    mention(bus, "session.note", "Breathe in and out.");
    mention(bus, "session.note", "Once more.");
    ada.close_async().await?;
    let queue = scribe.guard.info().queue.unwrap_or_default();
    line(format_args!("  the scribe: {} begun, {} waiting, {} done", queue.running, queue.waiting, queue.delivered));
    scribe.may.add_permits(2);
    scribe.guard.close_async().await?;
    Ok(())
}

async fn close(bus: &Bus) -> Result<(), BoxError> {
    title("7. Closing: what waits is heard or counted, and no call runs any more");
    let ada = listen(bus, "session.end", "Ada")?;
    mention(bus, "session.end", "Goodbye.");
    ada.close_async().await?;
    say(bus, "session.end", "Nobody hears this.").await?;
    line(format_args!("  active: {}, channels left: {}", ada.is_active(), bus.kinds().len()));

    let bob = listen(bus, "session.end", "Bob")?;
    mention(bus, "session.end", "Bob has gone before he hears this.");
    bob.close()?;
    line(format_args!("  discarded for Bob: {}", bob.info().queue.unwrap_or_default().discarded));
    Ok(())
}

async fn shutdown(bus: &Bus) -> Result<(), BoxError> {
    title("8. Shutting down: what waits is heard first");
    let _eve = listen(bus, "session.late", "Eve")?;
    mention(bus, "session.late", "Good night.");
    let report = bus.shutdown_async(Duration::from_secs(60)).await;
    line(format_args!("  shut down: {report}"));
    line(format_args!("  afterwards: {:?}", publish_event!(bus: bus, "session.late").outcome));
    let totals = bus.stats().totals;
    line(format_args!("  published {}, delivered {}, failed {}", totals.published, totals.delivered, totals.failed));
    Ok(())
}
