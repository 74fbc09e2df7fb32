//! Closing a handler: against a call in flight, against another close, and the wake-up of the closer.
#![cfg(ringbus_loom)]

mod loom_support;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use loom_support::Model;
use ringbus::__models::Handler;

/// What a closure captures: loom reports it if a call reads it while or after it is dropped.
struct Capture(UnsafeCell<u32>);

// SAFETY: loom reports every unsynchronised access; that is what the model is for.
unsafe impl Sync for Capture {}
// SAFETY: as above.
unsafe impl Send for Capture {}

impl Capture {
    fn new() -> Self {
        Self(UnsafeCell::new(1))
    }

    fn read(&self) {
        self.0.with(|at| {
            // SAFETY: loom reports it if the drop below is not ordered after.
            assert_eq!(unsafe { *at }, 1, "called after it was dropped")
        });
    }

    fn write(&self) {
        self.0.with_mut(|at| {
            // SAFETY: loom reports it if a call is not ordered before.
            unsafe { *at = 0 }
        });
    }
}

/// After `close` no call runs, none begins, and the closure has been dropped; the closer is always woken.
#[test]
fn close_against_a_call() {
    Model {
        name: "loom_close::close_against_a_call",
        promise: "P6",
        preemptions: None,
        outcomes: &["called", "not called any more"],
    }
    .check(|| {
        let handler = Handler::new(Capture::new());
        let caller = {
            let handler = std::sync::Arc::clone(&handler);
            thread::spawn(move || handler.call(Capture::read).is_some())
        };
        let mut dropped = false;
        handler.close(|capture| {
            capture.write();
            dropped = true;
        });
        assert!(dropped);
        assert!(handler.call(Capture::read).is_none(), "called after close");
        if caller.join().unwrap() { "called" } else { "not called any more" }
    });
}

/// Calls on two threads: the closer waits for both.
#[test]
fn close_against_two_calls() {
    Model {
        name: "loom_close::close_against_two_calls",
        promise: "P6",
        preemptions: Some(2),
        outcomes: &["0 called", "1 called", "2 called"],
    }
    .check(|| {
        let handler = Handler::new(Capture::new());
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let handler = std::sync::Arc::clone(&handler);
                thread::spawn(move || usize::from(handler.call(Capture::read).is_some()))
            })
            .collect();
        handler.close(|capture| capture.write());
        let called: usize = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
        ["0 called", "1 called", "2 called"][called]
    });
}

/// Two closers: the closure is dropped once, and neither returns before it is.
#[test]
fn close_against_close() {
    Model {
        name: "loom_close::close_against_close",
        promise: "P6",
        preemptions: Some(3),
        outcomes: &["dropped by the first", "dropped by the second"],
    }
    .check(|| {
        let handler = Handler::new(Capture::new());
        let drops = Arc::new(AtomicUsize::new(0));
        let close = |handler: &Handler<Capture>, drops: &AtomicUsize| {
            let mut mine = false;
            handler.close(|capture| {
                capture.write();
                drops.fetch_add(1, Ordering::Relaxed);
                mine = true;
            });
            assert_eq!(drops.load(Ordering::Relaxed), 1, "closed, but not dropped once");
            mine
        };
        // Both closers are threads of their own: loom cannot bear an unpark that comes while its thread is in `join`.
        let closers: Vec<_> = (0..2)
            .map(|_| {
                let (handler, drops) = (std::sync::Arc::clone(&handler), Arc::clone(&drops));
                thread::spawn(move || close(&handler, &drops))
            })
            .collect();
        let dropped: Vec<bool> = closers.into_iter().map(|closer| closer.join().unwrap()).collect();
        match dropped[..] {
            [true, false] => "dropped by the first",
            [false, true] => "dropped by the second",
            _ => panic!("dropped twice or never"),
        }
    });
}

/// A closer, a second closer and a call: every one of them ends (a lost wake-up is a deadlock, which loom reports).
#[test]
fn wake_up_of_two_closers() {
    Model {
        name: "loom_close::wake_up_of_two_closers",
        promise: "P6: close returns",
        preemptions: Some(2),
        outcomes: &["called", "not called any more"],
    }
    .check(|| {
        let handler = Handler::new(Capture::new());
        let caller = {
            let handler = std::sync::Arc::clone(&handler);
            thread::spawn(move || handler.call(Capture::read).is_some())
        };
        let closers: Vec<_> = (0..2)
            .map(|_| {
                let handler = std::sync::Arc::clone(&handler);
                thread::spawn(move || handler.close(|capture| capture.write()))
            })
            .collect();
        closers.into_iter().for_each(|closer| closer.join().unwrap());
        if caller.join().unwrap() { "called" } else { "not called any more" }
    });
}
