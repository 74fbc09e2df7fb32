//! P10: a handler that forks. Its call goes on in both processes, and `close` waits for it in both (P6).
#![cfg(all(unix, not(ringbus_loom)))]

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringbus::{Bus, CloseError, Subscription, publish_event};

/// Set in the child by whoever drops the closure.
struct Dropped(Arc<AtomicI32>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(1, Ordering::Release);
    }
}

#[test]
fn p10_close_in_a_forked_child_waits_for_the_call_that_forked() {
    let bus = Bus::new();
    let guard = Arc::new(Mutex::new(None::<Subscription>));
    let child = Arc::new(AtomicI32::new(-1));
    let gone = Arc::new(AtomicI32::new(0));
    let subscription = {
        let (guard, child, gone, dropped) =
            (Arc::clone(&guard), Arc::clone(&child), Arc::clone(&gone), Dropped(Arc::clone(&gone)));
        bus.subscribe(move |_| {
            let _dropped = &dropped;
            // SAFETY: the child only does what a single-threaded process may, and leaves by `_exit`.
            let pid = unsafe { libc::fork() };
            child.store(pid, Ordering::Relaxed);
            if pid == 0 {
                let guard = guard.lock().unwrap().take().unwrap();
                let closed = std::thread::spawn(move || guard.close_timeout(Duration::from_millis(20))).join();
                let waited = matches!(closed, Ok(Err(CloseError::TimedOut { .. })));
                let code = i32::from(!waited) + 2 * gone.load(Ordering::Acquire);
                // SAFETY: ends the child without running what belongs to the parent.
                unsafe { libc::_exit(code) };
            }
        })
    };
    *guard.lock().unwrap() = Some(subscription);
    assert_eq!(publish_event!(bus: &bus, "p10.fork").delivered, 1);
    let child = child.load(Ordering::Relaxed);
    assert!(child > 0, "fork failed");
    let mut status = 0;
    // SAFETY: `child` is ours, and `status` lives through the call.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status), "the child was killed: {status}");
    assert_eq!(libc::WEXITSTATUS(status), 0, "1: close did not wait, 2: the closure was dropped under its own call");
}
