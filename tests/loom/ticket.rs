//! The head of a ring: who sees a ticket drawn finds what its thread has recorded before.

use loom::thread;
use ringbus::__models::Ring;

use crate::support::Model;

/// Who sees a thread's ticket drawn finds all that this thread has recorded before: nothing of it can come later.
#[test]
fn a_look_at_the_head() {
    Model {
        name: "ticket::a_look_at_the_head",
        promise: "P3: tickets and records",
        preemptions: None,
        outcomes: &["nothing drawn", "the first one drawn", "both drawn"],
    }
    .check(|| {
        let ring = std::sync::Arc::new(Ring::new(2));
        let writer = {
            let ring = std::sync::Arc::clone(&ring);
            thread::spawn(move || (0..2).for_each(|n| drop(ring.put(ring.draw(), n))))
        };
        let drawn = ring.head();
        let first = ring.read(0, |n| *n == 0).0.is_some();
        writer.join().unwrap();
        assert!(first || drawn < 2, "the second one is begun, and the first one is not there");
        ["nothing drawn", "the first one drawn", "both drawn"][drawn as usize]
    });
}
