//! Kinds that are interned by several threads at once: each has one id, and is seen whole.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::Interner;

use crate::support::Model;

/// Two threads that intern one name get one id; whoever finds a name sees its entry whole.
#[test]
fn two_threads_intern_one_name() {
    Model {
        name: "interner::two_threads_intern_one_name",
        promise: "P1: a kind's first sight",
        preemptions: None,
        outcomes: &["first id", "second id"],
    }
    .check(|| {
        let interner = Arc::new(Interner::new());
        let other = {
            let interner = Arc::clone(&interner);
            thread::spawn(move || interner.intern("db.open"))
        };
        let id = interner.intern("db.open");
        assert_eq!(id, other.join().unwrap());
        assert_eq!(id, interner.find("db.open"));
        if id == Some(0) { "first id" } else { "second id" }
    });
}

/// Two names, in opposite orders: each keeps the one id it got, whoever gave it.
#[test]
fn two_threads_intern_two_names() {
    Model {
        name: "interner::two_threads_intern_two_names",
        promise: "P1: kinds are interned once",
        preemptions: None,
        outcomes: &["two ids"],
    }
    .check(|| {
        let interner = Arc::new(Interner::new());
        let other = {
            let interner = Arc::clone(&interner);
            thread::spawn(move || (interner.intern("b"), interner.intern("a")))
        };
        let (a, b) = (interner.intern("a"), interner.intern("b"));
        assert_eq!(other.join().unwrap(), (b, a));
        assert_ne!(a, b);
        "two ids"
    });
}

/// Two types that claim one name: it is the first one's, for good, and both are told so.
#[test]
fn two_types_claim_one_name() {
    Model {
        name: "interner::two_types_claim_one_name",
        promise: "P12: a kind is one type's",
        preemptions: None,
        outcomes: &["u8", "u16"],
    }
    .check(|| {
        let interner = Arc::new(Interner::new());
        let other = {
            let interner = Arc::clone(&interner);
            thread::spawn(move || interner.claim::<u8>("db.open"))
        };
        let owner = interner.claim::<u16>("db.open");
        assert_eq!(owner, other.join().unwrap(), "two owners");
        assert_eq!(owner, interner.claim::<u32>("db.open"));
        owner.unwrap()
    });
}
