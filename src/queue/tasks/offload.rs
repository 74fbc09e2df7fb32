//! Blocking work that a future waits for: on a thread of its own, for what is done seldom, such as closing.
//!
//! The thread lives as long as its work, whatever becomes of the future: a close without a limit waits with it for a handler
//! that hangs.

use core::future::Future;
use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use super::until::Until;
use crate::contain::{self, Caught};
use crate::dispatch::watch::Watch;
use crate::sync::{Mutex, busy};

struct Shared<R> {
    result: Mutex<Option<Result<R, Caught>>>,
    done: Watch,
}

/// Has `work` done on a thread of its own, and gives a future for its result; where there is none to be had, an error.
/// Dropped, the future lets the thread finish; a panic of the work goes on in it.
pub(super) fn offload<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<impl Future<Output = R> + Send + 'static, io::Error> {
    let shared = Arc::new(Shared { result: Mutex::new(None), done: Watch::default() });
    let theirs = Arc::clone(&shared);
    let builder = thread::Builder::new().name("rb:closing".into());
    builder.spawn(move || {
        let result = contain::call(work);
        busy::during(|| *theirs.result.lock() = Some(result));
        theirs.done.tell();
    })?;
    Ok(async move {
        loop {
            Until::new(&shared.done, None, || busy::during(|| shared.result.lock().is_some())).await;
            if let Some(result) = busy::during(|| shared.result.lock().take()) {
                return result.unwrap_or_else(|payload| resume_unwind(payload));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::pin::pin;
    use core::task::{Context, Poll};
    use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
    use std::task::{Wake, Waker};
    use std::time::Duration;

    struct Woken(Sender<()>);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(());
        }
    }

    #[test]
    fn of_several_wakers_the_last_is_woken_and_none_is_kept() {
        let (send, woken) = channel();
        let (go, may_go) = channel();
        let wakers: [_; 5] = core::array::from_fn(|_| Arc::new(Woken(send.clone())));
        drop(send);
        {
            let mut work = pin!(offload(move || may_go.recv().unwrap()).unwrap());
            let mut poll =
                |own: &Arc<Woken>| work.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(own))));
            assert!(wakers.iter().all(|own| poll(own).is_pending()));
            assert_eq!(wakers.each_ref().map(Arc::strong_count)[..4], [1; 4], "who waited before is forgotten");
            go.send(7).unwrap();
            woken.recv().unwrap();
            assert_eq!(poll(&wakers[4]), Poll::Ready(7));
        }
        drop(wakers);
        // Whoever woke lets go of the waker after that: the channel ends with the last of them.
        assert_eq!(woken.recv_timeout(Duration::from_secs(60)), Err(RecvTimeoutError::Disconnected));
    }
}
