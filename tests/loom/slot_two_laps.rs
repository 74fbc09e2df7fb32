//! Writers of one slot that lie laps apart: the slot goes only forwards, and each record comes out once.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::Ring;

use crate::support::Model;
use crate::support::record::*;

/// A writer sleeps between ticket and slot while two others pass it, one lap and two laps ahead of it; those two may
/// overtake each other as well.
#[test]
fn a_writer_sleeps_while_two_laps_go_by() {
    Model {
        name: "slot_two_laps::a_writer_sleeps_while_two_laps_go_by",
        promise: "P2, P8: only forwards, each record out once",
        preemptions: Some(3),
        outcomes: &["all went in", "the sleeper came late", "the second came late", "only the newest went in"],
    }
    .check(|| {
        let ring = Arc::new(Ring::new(1));
        let late = ring.draw();
        let put = |ticket: u64, ring: &Ring<Payload>| {
            let out = ring.put(ticket, payload(ticket));
            // Recycled: who has it out of the slot has it alone.
            out.map(|out| recycle(out).expect("another one holds it"))
        };
        let sleeper = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || put(late, &ring))
        };
        let other = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || {
                let ticket = ring.draw();
                (ticket, put(ticket, &ring))
            })
        };
        let ticket = ring.draw();
        let out = put(ticket, &ring);
        let (slept, (other_ticket, other_out)) = (sleeper.join().unwrap(), other.join().unwrap());

        let found = ring.read(2, |_| true).0;
        assert_eq!(found.as_ref().map(contents), Some(102), "the newest one is not in the slot");
        let mut gone: Vec<u64> = [slept, out, other_out].into_iter().flatten().collect();
        gone.sort_unstable();
        assert_eq!(gone, [0, 1], "each of the older ones comes out once");
        let second_late = [(ticket, out), (other_ticket, other_out)].contains(&(1, Some(1)));
        match (slept == Some(0), second_late) {
            (false, false) => "all went in",
            (true, false) => "the sleeper came late",
            (false, true) => "the second came late",
            (true, true) => "only the newest went in",
        }
    });
}
