//! The wake-up of closers: every one of them ends.

use loom::thread;
use ringbus::__models::Handler;

use crate::support::Model;
use crate::support::watched::Watched;

fn called(capture: &Watched) {
    assert_eq!(capture.read(), 1, "called after it was dropped");
}

/// A closer, a second closer and a call: every one of them ends (a lost wake-up is a deadlock, which loom reports).
#[test]
fn wake_up_of_two_closers() {
    Model {
        name: "close_wake::wake_up_of_two_closers",
        promise: "P6: close returns",
        // Three take more than two minutes.
        preemptions: Some(2),
        outcomes: &["called", "not called any more"],
    }
    .check(|| {
        let handler = Handler::new(Watched::new(1));
        let caller = {
            let handler = std::sync::Arc::clone(&handler);
            thread::spawn(move || handler.call(called).is_some())
        };
        let closers: Vec<_> = (0..2)
            .map(|_| {
                let handler = std::sync::Arc::clone(&handler);
                thread::spawn(move || handler.close(|capture| capture.write(0)))
            })
            .collect();
        closers.into_iter().for_each(|closer| closer.join().unwrap());
        if caller.join().unwrap() { "called" } else { "not called any more" }
    });
}
