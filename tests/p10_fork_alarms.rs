//! P10: alarms ring in a forked child too, which does not have the thread that sees to its parent's.
#![cfg(all(unix, feature = "async", not(ringbus_loom)))]

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Thread, current, park};
use std::time::Duration;

use ringbus::{Bus, ExpectError};

struct Unparks(Thread);

impl Wake for Unparks {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn waker() -> Waker {
    Waker::from(Arc::new(Unparks(current())))
}

fn block_on<F: Future>(mut future: Pin<&mut F>) -> F::Output {
    let waker = waker();
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => park(),
        }
    }
}

fn times_out(bus: &Bus) -> bool {
    let expected = bus.expecting("p10.never").unwrap();
    let result = block_on(pin!(expected.within_async(Duration::from_millis(10))));
    matches!(result, Err(ExpectError::TimedOut { .. }))
}

#[test]
fn p10_alarms_ring_in_a_forked_child() {
    let bus = Bus::new();
    // The thread that sees to alarms sleeps when the process forks.
    let mut far = pin!(bus.expecting("p10.never").unwrap().within_async(Duration::from_secs(3600)));
    assert!(far.as_mut().poll(&mut Context::from_waker(&waker())).is_pending());
    let mut soon = pin!(bus.expecting("p10.never").unwrap().within_async(Duration::from_millis(10)));
    let parent = waker();
    let polled = soon.as_mut().poll(&mut Context::from_waker(&parent));

    // SAFETY: the child calls what this library promises to work after a fork, and leaves by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: ends the child, should it wait for ever.
        unsafe { libc::alarm(20) };
        let code = std::panic::catch_unwind(|| i32::from(!times_out(&bus) || !times_out(&bus)));
        // SAFETY: ends the child without running what belongs to the parent.
        unsafe { libc::_exit(code.unwrap_or(64)) };
    }
    assert!(child > 0, "fork failed");
    assert!(polled.is_ready() || block_on(soon).is_err() && times_out(&bus), "the parent goes on as before");
    let mut status = 0;
    // SAFETY: `child` is ours, and `status` lives through the call.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert!(libc::WIFEXITED(status), "the child was killed, maybe while it waited: {status}");
    assert_eq!(libc::WEXITSTATUS(status), 0);
}
