//! A future that waits until something has come true, or for a deadline: what [`Watch::wait_until`] is for threads.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::time::Instant;

use super::timer::Alarm;
use crate::dispatch::watch::Watch;

/// See the [module](self). Its answer: whether it came true.
pub(super) struct Until<'a, F> {
    watch: &'a Watch,
    done: F,
    deadline: Option<Instant>,
    alarm: Option<Alarm>,
    registered: Option<Waker>,
}

impl<'a, F: FnMut() -> bool + Unpin> Until<'a, F> {
    pub(super) fn new(watch: &'a Watch, deadline: Option<Instant>, done: F) -> Self {
        Self { watch, done, deadline, alarm: None, registered: None }
    }
}

impl<F: FnMut() -> bool + Unpin> Future for Until<'_, F> {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let this = self.get_mut();
        if !this.registered.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            if let Some(earlier) = this.registered.replace(cx.waker().clone()) {
                this.watch.unregister(&earlier);
            }
            this.alarm = None;
        }
        this.watch.register(cx.waker());
        if (this.done)() {
            return Poll::Ready(true);
        }
        if let Some(deadline) = this.deadline {
            if Instant::now() >= deadline {
                return Poll::Ready(false);
            }
            this.alarm.get_or_insert_with(|| Alarm::at(deadline, cx.waker()));
        }
        Poll::Pending
    }
}

impl<F> Drop for Until<'_, F> {
    fn drop(&mut self) {
        if let Some(waker) = self.registered.take() {
            self.watch.unregister(&waker);
        }
    }
}
