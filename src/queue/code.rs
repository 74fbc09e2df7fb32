//! What a worker runs: a handler that returns when it is done, or one that may be suspended on its way.

use core::task::{Context, Poll};
use std::sync::Arc;

use crate::dispatch::BoxError;
use crate::event::Event;

/// A handler, one event at a time. All of it is user code: it is called contained.
pub(crate) trait Code: Send {
    /// Begins to handle an event. What ends at once says how it has ended; else [`resume`](Self::resume) goes on.
    fn begin(&mut self, event: &Event) -> Option<Result<(), BoxError>>;

    /// Goes on with what was begun; never called where that ends at once.
    fn resume(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Pending
    }

    /// Drops what was begun.
    fn abandon(&mut self) {}
}

/// A handler of one worker, which may change what it has captured.
pub(super) struct Alone<F>(pub(super) F);

/// A handler that several workers call at once.
pub(super) struct Shared<F>(pub(super) Arc<F>);

impl<F: FnMut(&Event) -> Result<(), BoxError> + Send> Code for Alone<F> {
    fn begin(&mut self, event: &Event) -> Option<Result<(), BoxError>> {
        Some((self.0)(event))
    }
}

impl<F: Fn(&Event) -> Result<(), BoxError> + Send + Sync> Code for Shared<F> {
    fn begin(&mut self, event: &Event) -> Option<Result<(), BoxError>> {
        Some((self.0)(event))
    }
}
