//! Blocking work that a future waits for: on a thread of its own, for what is done seldom, such as closing.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;
use std::thread;

use crate::dispatch::watch::Watch;
use crate::sync::{Mutex, busy};

/// A future for what a thread is doing. Dropped, it lets the thread finish.
pub(super) struct Offloaded<R> {
    shared: Arc<Shared<R>>,
}

struct Shared<R> {
    result: Mutex<Option<R>>,
    done: Watch,
}

/// Has `work` done on a thread of its own; where there is none to be had, it comes back.
pub(super) fn offload<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<Offloaded<R>, std::io::Error> {
    let shared = Arc::new(Shared { result: Mutex::new(None), done: Watch::default() });
    let theirs = Arc::clone(&shared);
    let builder = thread::Builder::new().name("rb:closing".into());
    builder.spawn(move || {
        let result = work();
        busy::during(|| *theirs.result.lock() = Some(result));
        theirs.done.tell();
    })?;
    Ok(Offloaded { shared })
}

impl<R> Future for Offloaded<R> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R> {
        self.shared.done.register(cx.waker());
        let result = busy::during(|| self.shared.result.lock().take());
        result.map_or(Poll::Pending, Poll::Ready)
    }
}
