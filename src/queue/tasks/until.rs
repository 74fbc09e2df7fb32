//! A future that waits until something has come true, or for a deadline: what [`Watch::wait_until`] is for threads.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::time::Instant;

use super::timer::Alarm;
use crate::dispatch::watch::{Place, Watch};

/// See the [module](self). Its answer: whether it came true.
pub(super) struct Until<'a, F> {
    watch: &'a Watch,
    done: F,
    deadline: Option<Instant>,
    alarm: Option<Alarm>,
    place: Place,
}

impl<'a, F: FnMut() -> bool + Unpin> Until<'a, F> {
    pub(super) fn new(watch: &'a Watch, deadline: Option<Instant>, done: F) -> Self {
        Self { watch, done, deadline, alarm: None, place: Place::default() }
    }
}

impl<F: FnMut() -> bool + Unpin> Future for Until<'_, F> {
    type Output = bool;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let this = self.get_mut();
        this.watch.register(&mut this.place, cx.waker());
        if (this.done)() {
            return Poll::Ready(true);
        }
        if let Some(deadline) = this.deadline {
            if Instant::now() >= deadline {
                return Poll::Ready(false);
            }
            // Anew each time: it may have rung before its time, where the system has no thread for alarms.
            this.alarm = Some(Alarm::at(deadline, cx.waker()));
        }
        Poll::Pending
    }
}

impl<F> Drop for Until<'_, F> {
    fn drop(&mut self) {
        self.watch.unregister(&mut self.place);
    }
}
