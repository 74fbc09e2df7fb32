//! A future that is not ready at once.

use std::future::poll_fn;
use std::task::Poll;

/// Suspends itself so many times.
pub async fn suspended(times: usize) {
    for _ in 0..times {
        let mut polled = false;
        poll_fn(|cx| {
            if polled {
                return Poll::Ready(());
            }
            polled = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}
