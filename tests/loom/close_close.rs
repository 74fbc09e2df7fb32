//! Closing against closing: the closure is dropped once, and neither returns before that.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use ringbus::__models::Handler;

use crate::support::Model;
use crate::support::watched::Watched;

/// Two closers: the closure is dropped once, and neither returns before it is.
#[test]
fn close_against_close() {
    Model {
        name: "close_close::close_against_close",
        promise: "P6",
        preemptions: Some(3),
        outcomes: &["dropped by the first", "dropped by the second"],
    }
    .check(|| {
        let handler = Handler::new(Watched::new(1));
        let drops = Arc::new(AtomicUsize::new(0));
        let close = |handler: &Handler<Watched>, drops: &AtomicUsize| {
            let mut mine = false;
            handler.close(|capture| {
                capture.write(0);
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
