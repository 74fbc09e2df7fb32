//! The known ways to break the protocols, each with the model that must notice.
//!
//! Promises nothing by itself: `mutate` tries each of them. A mutant is a piece of text that occurs
//! exactly once in its file and what to put in its place; a test here keeps the tables in step with
//! the source, so that a mutant never quietly stops being one. The tables, by what they break:
//!
//! 1. [`history`]: slots, and reading on.
//! 2. [`records`]: slots under laps and readers, resets, statistics, the gate and the global bus.
//! 3. [`replay`]: the inbox, and where the past ends.
//! 4. [`handlers`]: closing, the table, call sites.
//! 5. [`control`]: limits, quarantine, muting, events that wait.
//! 6. [`endings`]: the ends of handlers, threads and tables, and the wake-ups of those who wait for them.
//! 7. [`clocks`]: what publishers share besides: the pile, the clock's baseline, the gate.
//! 8. [`queues`]: the queue and the workers that sleep beside it.
//! 9. [`queued`]: handlers with a queue, and how they end.

mod clocks;
mod control;
mod endings;
mod handlers;
mod history;
mod queued;
mod queues;
mod records;
mod replay;

/// One way to break a protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mutant {
    /// A short name in words, different from all others.
    pub(crate) name: &'static str,
    /// The model that must fail: the stem of a file in `tests/loom`, such as `slot_late_write`, or a test in it that must,
    /// such as `queued::drain_against_a_push`.
    pub(crate) model: &'static str,
    /// The file that is changed, from the root of the project.
    pub(crate) file: &'static str,
    /// What is replaced. It occurs exactly once in the file.
    pub(crate) find: &'static str,
    /// What takes its place. It must compile.
    pub(crate) replace: &'static str,
    /// The promise that this breaks, and how: `P2: a reader sees an event half written`.
    pub(crate) breaks: &'static str,
    /// Whether running into the time limit counts as caught: the broken protocol waits for ever.
    pub(crate) hangs: bool,
}

/// Every mutant that is tried.
pub(crate) fn all() -> impl Iterator<Item = &'static Mutant> {
    let records = [history::MUTANTS, records::MUTANTS, replay::MUTANTS];
    let handlers = [handlers::MUTANTS, control::MUTANTS, endings::MUTANTS, clocks::MUTANTS];
    records.into_iter().chain(handlers).chain([queues::MUTANTS, queued::MUTANTS]).flatten()
}

// === impl Mutant ===

impl Mutant {
    /// The stem of the file that its model stands in.
    pub(crate) fn file_of_model(&self) -> &'static str {
        self.model.split_once("::").map_or(self.model, |(file, _)| file)
    }

    /// The source with the mutation in it, or why that cannot be.
    pub(crate) fn apply(&self, source: &str) -> Result<String, String> {
        replaced(source, self.find, self.replace).map_err(|why| format!("{}: {why} in {}", self.name, self.file))
    }
}

/// `source` with `find`, which occurs exactly once, replaced.
pub(crate) fn replaced(source: &str, find: &str, replace: &str) -> Result<String, String> {
    let count = if find.is_empty() { 0 } else { source.matches(find).count() };
    match count {
        1 if find == replace => Err("changes nothing".to_owned()),
        1 => Ok(source.replacen(find, replace, 1)),
        count => Err(format!("`{find}` occurs {count} times, not once,")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const EXAMPLE: Mutant = Mutant {
        name: "the slot is published without release",
        model: "slot_late_write",
        file: "src/history/slot.rs",
        find: "Ordering::Release",
        replace: "Ordering::Relaxed",
        breaks: "P2: a reader sees an event half written",
        hangs: false,
    };

    #[test]
    fn a_mutant_changes_the_one_place() {
        let changed = EXAMPLE.apply("swap(x, Ordering::Release);").expect("once");
        assert_eq!(changed, "swap(x, Ordering::Relaxed);");
    }

    #[test]
    fn what_is_not_there_exactly_once_is_an_error_that_names_it() {
        for source in ["", "Ordering::Release Ordering::Release"] {
            let why = EXAMPLE.apply(source).expect_err("not once");
            assert!(why.contains(EXAMPLE.name) && why.contains("not once"), "{why}");
        }
        let idle = Mutant { replace: EXAMPLE.find, ..EXAMPLE };
        assert!(idle.apply("Ordering::Release").expect_err("idle").contains("changes nothing"));
    }

    #[test]
    fn the_table_fits_the_source() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root");
        let models = crate::loom::names(root).expect("models");
        for (at, mutant) in all().enumerate() {
            let source = std::fs::read_to_string(root.join(mutant.file));
            let source = source.unwrap_or_else(|why| panic!("{}: {why}", mutant.file));
            mutant.apply(&source).unwrap_or_else(|why| panic!("{why}"));
            let tests = tests_of(root, mutant.file_of_model());
            let known = models.iter().any(|model| model == mutant.model) || tests.contains(&mutant.model.to_owned());
            assert!(known, "{}: no model {}", mutant.name, mutant.model);
            assert!(mutant.breaks.starts_with('P'), "{}: which promise?", mutant.name);
            assert!(all().take(at).all(|other| other.name != mutant.name), "{} twice", mutant.name);
        }
    }
    #[test]
    fn every_model_has_a_mutant_that_it_must_catch() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root");
        for model in crate::loom::names(root).expect("models") {
            assert!(all().any(|mutant| mutant.file_of_model() == model), "{model} has never been seen to fail");
        }
    }

    /// The tests of a model, by their full names.
    fn tests_of(root: &Path, model: &str) -> Vec<String> {
        let source = std::fs::read_to_string(root.join("tests/loom").join(format!("{model}.rs"))).unwrap_or_default();
        let names = source.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split_once('('));
        names.map(|(name, _)| format!("{model}::{name}")).collect()
    }

    /// Where one test of a model has a mutant of its own, each has.
    #[test]
    fn every_test_has_one_where_tests_are_named() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root");
        for one in all().filter(|mutant| mutant.model != mutant.file_of_model()) {
            for test in tests_of(root, one.file_of_model()) {
                assert!(all().any(|mutant| mutant.model == test), "{test} has never been seen to fail");
            }
        }
    }
}
