//! P10: a forked child publishes, with ids of its own, and does not wait for threads that only its parent has.
#![cfg(unix)]

use std::sync::{Arc, Barrier};

use ringbus::{Bus, publish_event};

#[test]
fn p10_a_forked_child_publishes_and_closes() {
    let bus = Bus::new();
    let (inside, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let guard = {
        let (inside, leave) = (Arc::clone(&inside), Arc::clone(&leave));
        bus.on("p10.stuck").unwrap().subscribe(move |_| {
            inside.wait();
            leave.wait();
        })
    };
    let _counts = bus.on("p10.fork").unwrap().subscribe(|_| {});
    let before = publish_event!(bus: &bus, "p10.fork", n = 0).event.unwrap().id();
    std::thread::scope(|scope| {
        // A thread that is in the middle of a call when the process forks.
        scope.spawn(|| publish_event!(bus: &bus, "p10.stuck"));
        inside.wait();

        // SAFETY: the child calls what this library promises to work after a fork, and leaves by `_exit`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let code = std::panic::catch_unwind(|| {
                let delivery = publish_event!(bus: &bus, "p10.fork", n = 1);
                let id = delivery.event.as_ref().map(ringbus::Event::id);
                // The parent's thread is not here: nothing to wait for.
                let closed = guard.close().is_ok();
                let fresh = id.is_some_and(|id| id.as_u128() >> 64 != before.as_u128() >> 64);
                let recent = bus.recent(1).first().map(ringbus::Event::id) == id;
                i32::from(!fresh)
                    + 2 * i32::from(!closed)
                    + 4 * i32::from(delivery.delivered != 1)
                    + 8 * i32::from(!recent)
            });
            // SAFETY: ends the child without running what belongs to the parent.
            unsafe { libc::_exit(code.unwrap_or(64)) };
        }
        assert!(child > 0, "fork failed");
        let mut status = 0;
        // SAFETY: `child` is ours, and `status` lives through the call.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert!(libc::WIFEXITED(status), "the child was killed: {status}");
        assert_eq!(libc::WEXITSTATUS(status), 0, "1: id not fresh, 2: not closed, 4: not delivered, 8: not recorded");

        let after = publish_event!(bus: &bus, "p10.fork", n = 2).event.unwrap().id();
        assert_eq!(after.as_u128() >> 64, before.as_u128() >> 64, "the parent is the process it was");
        leave.wait();
    });
}
