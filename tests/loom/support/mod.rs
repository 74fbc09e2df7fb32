//! What the models share.
//!
//! 1. Running a model: its promise, its outcomes, its iterations; a panic that a handler's caller contains fails it too.
//! 2. A [`watched`] cell, in which loom sees a missing edge.
//! 3. The stages of several models: a [`record`], handlers of the [`table`], under [`control`], [`ending`], told in
//!    [`replay`], and what a [`cursor`] reads.

pub(crate) mod control;
pub(crate) mod cursor;
pub(crate) mod ending;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod table;
pub(crate) mod watched;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once};

/// One model of a protocol.
pub(crate) struct Model {
    /// The model, as its test is called.
    pub(crate) name: &'static str,
    /// The promise that it shows.
    pub(crate) promise: &'static str,
    /// At most so many preemptions in one run; `None` explores all.
    pub(crate) preemptions: Option<usize>,
    /// What a run can come to; each must be reached.
    pub(crate) outcomes: &'static [&'static str],
}

thread_local! {
    /// Panics with a text, since the run began: all threads of a model are one to the system.
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

/// From here on panics with a text are counted, beside what is usual. Models that throw on purpose throw something else.
fn count_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.payload().is::<&str>() || info.payload().is::<String>() {
                PANICS.set(PANICS.get() + 1);
            }
            usual(info);
        }));
    });
}

impl Model {
    /// Runs `body`, which returns the outcome, in every order of its threads' steps.
    pub(crate) fn check(self, body: impl Fn() -> &'static str + Send + Sync + 'static) {
        count_panics();
        let iterations = Arc::new(AtomicU64::new(0));
        let reached = Arc::new(Mutex::new(BTreeSet::new()));
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = self.preemptions;
        builder.max_branches = 20_000;
        {
            let (iterations, reached) = (Arc::clone(&iterations), Arc::clone(&reached));
            builder.check(move || {
                iterations.fetch_add(1, Ordering::Relaxed);
                PANICS.set(0);
                let outcome = body();
                // One in a handler is contained there: what a model asserts, or loom itself, would not be heard.
                assert_eq!(PANICS.get(), 0, "a panic was contained on the way to: {outcome}");
                reached.lock().unwrap().insert(outcome);
            });
        }
        let bound = self.preemptions.map_or("exhaustive".to_owned(), |most| format!("at most {most} preemptions"));
        let count = iterations.load(Ordering::Relaxed);
        println!("model {}: {}: {count} iterations, {bound}", self.name, self.promise);
        let expected: BTreeSet<_> = self.outcomes.iter().copied().collect();
        assert_eq!(*reached.lock().unwrap(), expected, "outcomes of {}", self.name);
    }
}
