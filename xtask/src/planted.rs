//! Faults that a sanitizer must catch: planted into a copy of the source, where it would look for real ones.

use crate::mutants::replaced;

/// A fault, and what a sanitizer says of it.
pub(crate) struct Planted {
    /// In words.
    pub(crate) name: &'static str,
    /// The scenario of the stress that meets it.
    pub(crate) scenario: &'static str,
    /// The file that is changed, from the root of the project.
    pub(crate) file: &'static str,
    /// What is replaced. It occurs exactly once in the file.
    find: &'static str,
    replace: &'static str,
    /// Words of the sanitizer's report.
    pub(crate) report: &'static str,
}

/// For the thread sanitizer.
pub(crate) const RACES: &[Planted] = &[
    Planted {
        name: "a race: a call ends without release",
        scenario: "mixed",
        file: "src/sync/rows.rs",
        find: "self.0.swap(target, Ordering::AcqRel);",
        replace: "self.0.swap(target, Ordering::Relaxed);",
        report: "ThreadSanitizer: data race",
    },
    Planted {
        name: "a race: a closer looks at marks without acquire",
        scenario: "mixed",
        file: "src/sync/rows.rs",
        find: "self.0.load(Ordering::Acquire) == target",
        replace: "self.0.load(Ordering::Relaxed) == target",
        report: "ThreadSanitizer: data race",
    },
    Planted {
        name: "a race: an event is left in a queue without release",
        scenario: "queues",
        file: "src/sync/queue.rs",
        find: "full(item, lap), Ordering::Release, Ordering::Relaxed);",
        replace: "full(item, lap), Ordering::Relaxed, Ordering::Relaxed);",
        report: "ThreadSanitizer: data race",
    },
];

/// For the address sanitizer.
pub(crate) const MISUSES: &[Planted] = &[
    Planted {
        name: "a use after free: a reader drops the record that it has put back",
        scenario: "mixed",
        file: "src/history/slot.rs",
        find: "        let _ = Arc::into_raw(record);\n        (copy, None)\n",
        replace: "        (copy, None)\n",
        report: "AddressSanitizer: heap-use-after-free",
    },
    Planted {
        name: "a leak: a record that a writer evicted under a reader's hands is forgotten",
        scenario: "mixed",
        file: "src/history/slot.rs",
        find: "            return (copy, Some(record));\n",
        replace: "            core::mem::forget(record);\n            return (copy, None);\n",
        report: "LeakSanitizer: detected memory leaks",
    },
    Planted {
        name: "a leak: an event that a closed queue discards is forgotten",
        scenario: "queues",
        file: "src/queue/mailbox.rs",
        find: "        self.at_work(|| contain::drop_contained((event, ticket)));\n",
        replace: "        core::mem::forget(event);\n        drop(ticket);\n",
        report: "LeakSanitizer: detected memory leaks",
    },
];

// === impl Planted ===

impl Planted {
    /// The source with the fault in it, or why that cannot be.
    pub(crate) fn apply(&self, source: &str) -> Result<String, String> {
        replaced(source, self.find, self.replace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_faults_fit_the_source() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root");
        for planted in RACES.iter().chain(MISUSES) {
            let source = std::fs::read_to_string(root.join(planted.file)).expect("the file is there");
            planted.apply(&source).unwrap_or_else(|why| panic!("{}: {why}", planted.name));
        }
    }
}
