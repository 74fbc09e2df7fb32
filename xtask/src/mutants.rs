//! The known ways to break the protocols, each with the model that must notice.
//!
//! Promises nothing by itself: `mutate` tries each of them. A mutant is a piece of text that occurs
//! exactly once in its file and what to put in its place; a test here keeps the table in step with
//! the source, so that a mutant never quietly stops being one.

/// One way to break a protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mutant {
    /// A short name in words, different from all others.
    pub(crate) name: &'static str,
    /// The model that must fail: the stem of a file in tests, such as `loom_slot`.
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
pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "a late writer does not look",
        model: "loom_slot",
        file: "src/history/slot.rs",
        find: "            if is_late() {",
        replace: "            if is_late() && false {",
        breaks: "P2, P8: the older record pushes out the newer one",
        hangs: false,
    },
    Mutant {
        name: "a writer looks at the head before the word",
        model: "loom_slot",
        file: "src/history/ring.rs",
        find: "        let overtaken = || self.head().wrapping_sub(ticket) > len as u64;",
        replace: "        let before = self.head().wrapping_sub(ticket) > len as u64;\n        let overtaken = || before;",
        breaks: "P2, P8: a newer record that came between look and exchange is pushed out",
        hangs: false,
    },
    Mutant {
        name: "a record goes in without release",
        model: "loom_slot",
        file: "src/history/slot.rs",
        find: "compare_exchange_weak(seen, mine, Ordering::AcqRel, Ordering::Acquire)",
        replace: "compare_exchange_weak(seen, mine, Ordering::Acquire, Ordering::Acquire)",
        breaks: "P2: a reader sees a record half written",
        hangs: false,
    },
    Mutant {
        name: "a record comes out without acquire",
        model: "loom_slot",
        file: "src/history/slot.rs",
        find: "compare_exchange_weak(seen, mine, Ordering::AcqRel, Ordering::Acquire)",
        replace: "compare_exchange_weak(seen, mine, Ordering::Release, Ordering::Acquire)",
        breaks: "P2: an evicted record's clones are not seen, and it is recycled in a reader's hands",
        hangs: false,
    },
    Mutant {
        name: "a reader takes a record without acquire",
        model: "loom_slot",
        file: "src/history/slot.rs",
        find: "match self.word.compare_exchange(word, marker(word), Ordering::AcqRel, Ordering::Acquire) {",
        replace: "match self.word.compare_exchange(word, marker(word), Ordering::Release, Ordering::Relaxed) {",
        breaks: "P2: a reader sees a record half written",
        hangs: false,
    },
    Mutant {
        name: "a reader restores without release",
        model: "loom_slot",
        file: "src/history/slot.rs",
        find: "if self.word.compare_exchange(marker(word), word, Ordering::AcqRel, Ordering::Relaxed).is_err() {",
        replace: "if self.word.compare_exchange(marker(word), word, Ordering::Relaxed, Ordering::Relaxed).is_err() {",
        breaks: "P2: a reader's clone is not counted when the record is recycled",
        hangs: false,
    },
    Mutant {
        name: "a caller does not fence",
        model: "loom_close",
        file: "src/sync/revocable.rs",
        find: "        // Pairs with the fence in `close`: the mark is seen there, or the removal here.\n        fence(Ordering::SeqCst);\n",
        replace: "",
        breaks: "P6: called while and after the closure is dropped",
        hangs: false,
    },
    Mutant {
        name: "a closer does not fence",
        model: "loom_close",
        file: "src/sync/revocable.rs",
        find: "            // Pairs with the fence in `run`.\n            fence(Ordering::SeqCst);\n            step",
        replace: "            step",
        breaks: "P6: called while and after the closure is dropped",
        hangs: false,
    },
    Mutant {
        name: "a call ends without release",
        model: "loom_close",
        file: "src/sync/rows.rs",
        find: "self.0.swap(0, Ordering::AcqRel) & WAITED != 0",
        replace: "self.0.swap(0, Ordering::Acquire) & WAITED != 0",
        breaks: "P6: the drop is not ordered after the call",
        hangs: false,
    },
    Mutant {
        name: "a call ends by a plain store",
        model: "loom_close",
        file: "src/sync/rows.rs",
        find: "        self.0.swap(0, Ordering::AcqRel) & WAITED != 0",
        replace: "        let waited = self.0.load(Ordering::Acquire) & WAITED != 0;\n        self.0.store(0, Ordering::Release);\n        waited",
        breaks: "P6: the wake-up is lost",
        hangs: false,
    },
    Mutant {
        name: "a closer looks at marks without acquire",
        model: "loom_close",
        file: "src/sync/rows.rs",
        find: "        let mut word = self.0.load(Ordering::Acquire);\n        while",
        replace: "        let mut word = self.0.load(Ordering::Relaxed);\n        while",
        breaks: "P6: the drop is not ordered after the call",
        hangs: false,
    },
    Mutant {
        name: "a closer asks before it is on the list",
        model: "loom_close",
        file: "src/sync/revocable.rs",
        find: "            self.waiters.push_current();\n            // Pairs with the fence in `run`.\n            fence(Ordering::SeqCst);\n            step(\"close.look\");\n            if done() {\n                return Ok(());\n            }\n",
        replace: "            fence(Ordering::SeqCst);\n            step(\"close.look\");\n            if done() {\n                return Ok(());\n            }\n            self.waiters.push_current();\n",
        breaks: "P6: the wake-up is lost",
        hangs: false,
    },
    Mutant {
        name: "the value is gone before it is dropped",
        model: "loom_close",
        file: "src/sync/revocable.rs",
        find: "        let _gone = Gone(self);\n",
        replace: "        drop(Gone(self));\n",
        breaks: "P6: another closer returns before the closure has been dropped",
        hangs: false,
    },
    Mutant {
        name: "the last closer wakes nobody",
        model: "loom_close",
        file: "src/sync/revocable.rs",
        find: "                self.0.state.store(GONE, Ordering::Release);\n                self.0.waiters.wake_all();",
        replace: "                self.0.state.store(GONE, Ordering::Release);",
        breaks: "P6: the other closer sleeps for ever",
        hangs: false,
    },
    Mutant {
        name: "two closers take one value",
        model: "loom_close",
        file: "src/sync/revocable.rs",
        find: "        if self.state.compare_exchange(REMOVED, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_err() {\n            return false;\n        }",
        replace: "        self.state.store(TAKEN, Ordering::Release);",
        breaks: "P6: the closure is dropped twice",
        hangs: false,
    },
    Mutant {
        name: "a subscription is reported before it is in the table",
        model: "loom_table",
        file: "src/dispatch/registry.rs",
        find: "            let added = list.add(draft);\n            let old = self.table.swap(self.table.load().with(&added));\n            changed(list.subscribers.len());\n            (added, old)\n",
        replace: "            let added = list.add(draft);\n            let next = self.table.load().with(&added);\n            changed(list.subscribers.len());\n            drop(list);\n            let old = self.table.swap(next);\n            (added, old)\n",
        breaks: "P5: of two subscriptions one is lost",
        hangs: false,
    },
    Mutant {
        name: "a removed handler is not marked removed",
        model: "loom_table",
        file: "src/dispatch/registry.rs",
        find: "            removed.handler.remove();\n",
        replace: "",
        breaks: "P5: called in its turn, though removed before that",
        hangs: false,
    },
    Mutant {
        name: "a removed handler stays in the table and is not marked",
        model: "loom_table",
        file: "src/sync/revocable.rs",
        find: "        step(\"call.check\");\n        if self.state.load(Ordering::Relaxed) != LIVE {",
        replace: "        step(\"call.check\");\n        if self.state.load(Ordering::Relaxed) > REMOVED {",
        breaks: "P5: called in its turn, though removed before that",
        hangs: false,
    },
    Mutant {
        name: "the table is read without acquire",
        model: "loom_table",
        file: "src/sync/snapshot.rs",
        find: "Self::read(self.at.load(Ordering::Acquire))",
        replace: "Self::read(self.at.load(Ordering::Relaxed))",
        breaks: "P5: a handler is called through a table half written",
        hangs: false,
    },
    Mutant {
        name: "the table is swapped in without release",
        model: "loom_table",
        file: "src/sync/snapshot.rs",
        find: "Self::read(self.at.swap(at, Ordering::AcqRel))",
        replace: "Self::read(self.at.swap(at, Ordering::Acquire))",
        breaks: "P5: a table is seen half written",
        hangs: false,
    },
    Mutant {
        name: "two names get one id",
        model: "loom_callsite",
        file: "src/event/interner.rs",
        find: "        let id = self.tickets.fetch_add(1, Ordering::Relaxed);\n",
        replace: "        let id = self.tickets.load(Ordering::Relaxed);\n        self.tickets.store(id + 1, Ordering::Relaxed);\n",
        breaks: "P1: two kinds share a route",
        hangs: false,
    },
    Mutant {
        name: "a lost race is not looked at",
        model: "loom_callsite",
        file: "src/event/interner.rs",
        find: "            fresh = end.set(link).err();\n",
        replace: "            if let Err(link) = end.set(link) {\n                return Some(&Box::leak(link).entry);\n            }\n",
        breaks: "P1: one kind has two ids",
        hangs: false,
    },
    Mutant {
        name: "an entry is found without acquire",
        model: "loom_callsite",
        file: "src/sync/once.rs",
        find: "let at = self.0.load(Ordering::Acquire);",
        replace: "let at = self.0.load(Ordering::Relaxed);",
        breaks: "P1: a kind is seen half written",
        hangs: false,
    },
];

// === impl Mutant ===

impl Mutant {
    /// The source with the mutation in it, or why that cannot be.
    pub(crate) fn apply(&self, source: &str) -> Result<String, String> {
        let count = match self.find {
            "" => 0,
            find => source.matches(find).count(),
        };
        match count {
            1 if self.find == self.replace => Err(format!("{}: changes nothing", self.name)),
            1 => Ok(source.replacen(self.find, self.replace, 1)),
            count => Err(format!("{}: `{}` occurs {count} times in {}, not once", self.name, self.find, self.file)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const EXAMPLE: Mutant = Mutant {
        name: "the slot is published without release",
        model: "loom_slot",
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
        assert!(idle.apply("Ordering::Release").expect_err("idle").ends_with("changes nothing"));
    }

    #[test]
    fn the_table_fits_the_source() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root");
        for (at, mutant) in MUTANTS.iter().enumerate() {
            let source = std::fs::read_to_string(root.join(mutant.file));
            let source = source.unwrap_or_else(|why| panic!("{}: {why}", mutant.file));
            mutant.apply(&source).unwrap_or_else(|why| panic!("{why}"));
            let model = root.join("tests").join(mutant.model).with_extension("rs");
            assert!(model.is_file(), "{}: there is no {}", mutant.name, model.display());
            assert!(mutant.breaks.starts_with('P'), "{}: which promise?", mutant.name);
            let before = &MUTANTS[..at];
            assert!(before.iter().all(|other| other.name != mutant.name), "{} twice", mutant.name);
        }
    }
}
