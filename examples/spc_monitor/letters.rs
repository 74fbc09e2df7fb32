//! Dead letters, as the bus tells of them in events of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ringbus::{BoxError, Bus, Subscription};

/// How many the bus keeps; it counts all.
pub(crate) const KEPT: usize = 5;

/// Counts them. A plain handler: it takes no time.
pub(crate) fn subscribe(bus: &Bus, heard: &Arc<AtomicU64>) -> Result<Subscription, BoxError> {
    let heard = Arc::clone(heard);
    let count = move |_: &_| {
        // Relaxed: it is read when the bus has been shut down.
        heard.fetch_add(1, Ordering::Relaxed);
    };
    Ok(bus.on("ringbus.dead_letter")?.named("letters").subscribe(count))
}
