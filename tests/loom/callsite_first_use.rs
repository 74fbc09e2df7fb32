//! First uses of one call site that meet: one kind, and nobody waits.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::callsite;

use crate::support::Model;

/// Two threads at the first use of one call site get one kind, and neither waits.
#[test]
fn two_first_uses_of_a_call_site() {
    Model {
        name: "callsite_first_use::two_first_uses_of_a_call_site",
        promise: "P1: a call site's first use",
        preemptions: None,
        outcomes: &["one kind"],
    }
    .check(|| {
        let site = Arc::new(callsite("db.open"));
        let other = {
            let site = Arc::clone(&site);
            thread::spawn(move || site.kind())
        };
        let kind = site.kind();
        assert_eq!(kind, other.join().unwrap());
        assert_eq!(kind, "db.open");
        "one kind"
    });
}
