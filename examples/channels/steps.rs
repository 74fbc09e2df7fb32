//! The steps of the show.

use std::panic;
use std::time::Duration;

use ringbus::{BoxError, Bus};

use crate::coach::{self, Scribe, listen, say};
use crate::output::line;

/// How long a queue may take to come to its end.
const LIMIT: Duration = Duration::from_secs(60);

/// Runs them all, on one bus.
pub(crate) fn show() -> Result<(), BoxError> {
    let bus = coach::bus()?;
    channel_by_name(&bus)?;
    several_handlers(&bus)?;
    isolated_channels(&bus)?;
    failing_handlers(&bus)?;
    lists_and_counts(&bus)?;
    slow_handler(&bus)?;
    close(&bus)
}

fn title(text: &str) {
    line(format_args!("\n{text}"));
}

fn channel_by_name(bus: &Bus) -> Result<(), BoxError> {
    line(format_args!("1. Subscribe, publish, unsubscribe by name"));
    say(bus, "session.start", "Is anybody there?");
    let ada = listen(bus, "session.start", "Ada")?;
    say(bus, "session.start", "Welcome.");
    ada.unsubscribe();
    say(bus, "session.start", "Are you gone?");
    Ok(())
}

fn several_handlers(bus: &Bus) -> Result<(), BoxError> {
    title("2. Several handlers on a channel, called in the order of subscription");
    let _ada = listen(bus, "session.goal", "Ada")?;
    let _bob = listen(bus, "session.goal", "Bob")?;
    say(bus, "session.goal", "Run ten kilometres.");
    Ok(())
}

fn isolated_channels(bus: &Bus) -> Result<(), BoxError> {
    title("3. Channels are isolated from each other");
    let _ada = listen(bus, "team.red", "Ada")?;
    let _bob = listen(bus, "team.blue", "Bob")?;
    say(bus, "team.red", "To the left.");
    say(bus, "team.blue", "To the right.");
    Ok(())
}

fn failing_handlers(bus: &Bus) -> Result<(), BoxError> {
    title("4. A handler that fails or panics harms no other");
    let _broken = bus.on("session.note")?.named("the archive").try_subscribe(|_| Err("the disk is full".into()));
    let _worse = bus.on("session.note")?.named("the printer").subscribe(|_| panic!("out of paper"));
    let _ada = listen(bus, "session.note", "Ada")?;
    // The bus reports the panic; the default report would say it again.
    let default = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    say(bus, "session.note", "Well done.");
    panic::set_hook(default);
    Ok(())
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

fn slow_handler(bus: &Bus) -> Result<(), BoxError> {
    title("6. A slow handler has a queue and a thread, and holds up nobody");
    let scribe = Scribe::listen(bus, "session.note")?;
    let _ada = listen(bus, "session.note", "Ada")?;
    say(bus, "session.note", "Breathe in and out.");
    say(bus, "session.note", "Once more.");
    line(format_args!("  the scribe has not begun yet; now it does"));
    drop(scribe.begin);
    // It handles what waits for it, and is dropped.
    scribe.guard.close_drained(LIMIT)?;
    for summary in scribe.summaries {
        line(format_args!("    the scribe writes: {summary}"));
    }
    Ok(())
}

fn close(bus: &Bus) -> Result<(), BoxError> {
    title("7. Closing: no call runs any more, nor ever will");
    let ada = listen(bus, "session.end", "Ada")?;
    say(bus, "session.end", "Goodbye.");
    ada.close()?;
    say(bus, "session.end", "Nobody hears this.");
    line(format_args!("  active: {}, channels left: {}", ada.is_active(), bus.kinds().len()));
    let totals = bus.stats().totals;
    line(format_args!("  published {}, delivered {}, failed {}", totals.published, totals.delivered, totals.failed));
    Ok(())
}
