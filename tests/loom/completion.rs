//! What becomes of an event that somebody waits for, with several handlers: each settles its part once, and whoever waits
//! goes on after the last.

use loom::sync::Arc;
use loom::thread;
use ringbus::__models::{Completion, Ticket};

use crate::support::Model;
use crate::support::watched::Watched;

/// What the handlers have done.
struct Done([Watched; 2]);

impl Done {
    /// A handler on a thread of its own, which settles its part.
    fn handler(done: &Arc<Self>, ticket: Ticket, number: usize) -> thread::JoinHandle<()> {
        let done = Arc::clone(done);
        thread::spawn(move || {
            done.0[number].write(1);
            ticket.delivered();
        })
    }
}

/// Whoever waits goes on, and then sees what each of them did.
#[test]
fn two_handlers_and_one_who_waits() {
    Model {
        name: "completion::two_handlers_and_one_who_waits",
        promise: "P5: who waits goes on when all have handled it",
        preemptions: Some(3),
        outcomes: &["at once", "woken"],
    }
    .check(|| {
        let (completion, done) = (Completion::default(), Arc::new(Done([0, 0].map(Watched::new))));
        let tickets = [completion.ticket(), completion.ticket()];
        let mut handlers = Vec::new();
        for (number, ticket) in tickets.into_iter().enumerate() {
            handlers.push(Done::handler(&done, ticket, number));
        }
        let looks = completion.wait();
        assert_eq!(done.0.each_ref().map(Watched::read), [1, 1]);
        assert_eq!(completion.result(), (2, 0, 0));
        handlers.into_iter().for_each(|handler| handler.join().unwrap());
        if looks == 1 { "at once" } else { "woken" }
    });
}

/// Whoever looks meanwhile finds each part in one of the counts; and sees what was done, where all is.
#[test]
fn a_handler_against_a_look() {
    Model {
        name: "completion::a_handler_against_a_look",
        promise: "P8: each part is in one count",
        preemptions: None,
        outcomes: &["running", "handled", "lost"],
    }
    .check(|| {
        let (completion, done) = (Completion::default(), Arc::new(Done([0, 0].map(Watched::new))));
        let (ticket, lost) = (completion.ticket(), completion.ticket());
        let handler = Done::handler(&done, ticket, 0);
        let looked = completion.result();
        assert_eq!(looked.0 + looked.1 + looked.2, 2, "{looked:?}");
        drop(lost);
        let complete = completion.is_complete();
        if complete {
            assert_eq!(done.0[0].read(), 1);
        }
        handler.join().unwrap();
        assert_eq!((completion.is_complete(), completion.result()), (true, (1, 1, 0)));
        match (looked, complete) {
            ((1, 0, 1), _) => "handled",
            ((0, 0, 2), false) => "running",
            ((0, 0, 2), true) => "lost",
            other => panic!("{other:?}"),
        }
    });
}
