//! What models need of this room. Exists under `--cfg ringbus_loom` only.

use core::panic::Location;

use super::code::Alone;
pub(crate) use super::code::Code;
pub(crate) use super::mailbox::SharedMailbox;
use super::overflow::Overflow;
pub(crate) use super::worker::Turnout;
use crate::bus::{Subscribe, Subscription};
use crate::dispatch::BoxError;
use crate::event::Event;

/// A handler that ends at once.
pub(crate) fn alone(handler: impl FnMut(&Event) -> Result<(), BoxError> + Send + 'static) -> Box<dyn Code> {
    Box::new(Alone(handler))
}

/// Subscribes a handler whose worker nobody drives yet. A full queue drops what comes.
#[track_caller]
pub(crate) fn subscribe(request: Subscribe, capacity: usize, code: Box<dyn Code>) -> (Subscription, SharedMailbox) {
    let queue = request.in_thread().capacity(capacity).when_full(Overflow::DropNewest);
    let added = queue.add(vec![code], false, Box::new(|| false), |_, _| Ok(()), Location::caller());
    added.unwrap_or_else(|error| unreachable!("{error}"))
}
