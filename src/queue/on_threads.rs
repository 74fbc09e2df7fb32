//! Handlers on threads: one that may change what it has captured, or one that several threads call.

use core::panic::Location;
use std::sync::Arc;

use super::code::{Alone, Shared};
use super::options::QueueError;
use super::subscribe::{InPool, InThread, Queued};
use crate::bus::Subscription;
use crate::dispatch::BoxError;
use crate::event::{Event, Payload};

impl Queued<Event, InThread> {
    /// Subscribes `handler`, which may change what it has captured.
    ///
    /// # Errors
    /// [`QueueError`]: an option is out of range, the failure policy is to unwind, or the thread cannot be started. Nothing is
    /// subscribed then.
    #[track_caller]
    pub fn subscribe(self, mut handler: impl FnMut(&Event) + Send + 'static) -> Result<Subscription, QueueError> {
        self.try_subscribe(move |event| {
            handler(event);
            Ok(())
        })
    }

    /// Subscribes a handler that may fail.
    ///
    /// # Errors
    /// As for [`subscribe`](Self::subscribe).
    #[track_caller]
    pub fn try_subscribe(
        self,
        handler: impl FnMut(&Event) -> Result<(), BoxError> + Send + 'static,
    ) -> Result<Subscription, QueueError> {
        self.add_handler(handler, Location::caller())
    }

    pub(super) fn add_handler(
        self,
        handler: impl FnMut(&Event) -> Result<(), BoxError> + Send + 'static,
        place: &'static Location<'static>,
    ) -> Result<Subscription, QueueError> {
        self.add_threads(vec![Box::new(Alone(handler))], false, place)
    }
}

impl<T: Payload> Queued<T, InThread> {
    /// Subscribes `handler` for payloads, which may change what it has captured.
    ///
    /// # Errors
    /// [`QueueError`]: an option is out of range, the failure policy is to unwind, or the thread cannot be started. Nothing is
    /// subscribed then.
    #[track_caller]
    pub fn subscribe(self, mut handler: impl FnMut(&T) + Send + 'static) -> Result<Subscription, QueueError> {
        self.try_subscribe(move |payload| {
            handler(payload);
            Ok(())
        })
    }

    /// Subscribes a handler for payloads that may fail.
    ///
    /// # Errors
    /// As for [`subscribe`](Self::subscribe).
    #[track_caller]
    pub fn try_subscribe(
        self,
        handler: impl FnMut(&T) -> Result<(), BoxError> + Send + 'static,
    ) -> Result<Subscription, QueueError> {
        self.add_handler(handler, Location::caller())
    }

    pub(super) fn add_handler(
        self,
        mut handler: impl FnMut(&T) -> Result<(), BoxError> + Send + 'static,
        place: &'static Location<'static>,
    ) -> Result<Subscription, QueueError> {
        let typed = !self.decodes();
        let code = Alone(move |event: &Event| event.with_payload(&mut handler)?);
        self.add_threads(vec![Box::new(code)], typed, place)
    }
}

impl Queued<Event, InPool> {
    /// Subscribes `handler`, which is called on several threads at once.
    ///
    /// # Errors
    /// [`QueueError`]: an option is out of range, the failure policy is to unwind, or a thread cannot be started. Nothing is
    /// subscribed then.
    #[track_caller]
    pub fn subscribe(self, handler: impl Fn(&Event) + Send + Sync + 'static) -> Result<Subscription, QueueError> {
        self.try_subscribe(move |event| {
            handler(event);
            Ok(())
        })
    }

    /// Subscribes a handler that may fail.
    ///
    /// # Errors
    /// As for [`subscribe`](Self::subscribe).
    #[track_caller]
    pub fn try_subscribe(
        self,
        handler: impl Fn(&Event) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Result<Subscription, QueueError> {
        self.add_handler(handler, Location::caller())
    }

    pub(super) fn add_handler(
        self,
        handler: impl Fn(&Event) -> Result<(), BoxError> + Send + Sync + 'static,
        place: &'static Location<'static>,
    ) -> Result<Subscription, QueueError> {
        let handler = Arc::new(handler);
        let codes = self.codes(|| Box::new(Shared(Arc::clone(&handler))))?;
        drop(handler);
        self.add_threads(codes, false, place)
    }
}

impl<T: Payload> Queued<T, InPool> {
    /// Subscribes `handler` for payloads, which is called on several threads at once.
    ///
    /// # Errors
    /// [`QueueError`]: an option is out of range, the failure policy is to unwind, or a thread cannot be started. Nothing is
    /// subscribed then.
    #[track_caller]
    pub fn subscribe(self, handler: impl Fn(&T) + Send + Sync + 'static) -> Result<Subscription, QueueError> {
        self.try_subscribe(move |payload| {
            handler(payload);
            Ok(())
        })
    }

    /// Subscribes a handler for payloads that may fail.
    ///
    /// # Errors
    /// As for [`subscribe`](Self::subscribe).
    #[track_caller]
    pub fn try_subscribe(
        self,
        handler: impl Fn(&T) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Result<Subscription, QueueError> {
        self.add_handler(handler, Location::caller())
    }

    pub(super) fn add_handler(
        self,
        handler: impl Fn(&T) -> Result<(), BoxError> + Send + Sync + 'static,
        place: &'static Location<'static>,
    ) -> Result<Subscription, QueueError> {
        let typed = !self.decodes();
        let handler = Arc::new(move |event: &Event| event.with_payload(&handler)?);
        let codes = self.codes(|| Box::new(Shared(Arc::clone(&handler))))?;
        drop(handler);
        self.add_threads(codes, typed, place)
    }
}
