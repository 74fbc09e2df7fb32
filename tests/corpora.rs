//! P3, P8, P12: the inputs of `fuzz/corpus`, each run as its fuzzer does, whose modules are included as they are.
//!
//! 1. Each folder of the corpus belongs to a target that is known here, and holds inputs; each target has one.
//! 2. Every input runs without a panic; the name of one that does not is told.
#![cfg(not(ringbus_loom))]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "reference/bus/mod.rs"]
mod bus;
#[path = "reference/drive.rs"]
mod drive;
#[path = "reference/face.rs"]
mod face;

#[cfg(feature = "serde")]
#[path = "../fuzz/src/builder.rs"]
mod builder;
// Half of it is for builders.
#[cfg_attr(not(feature = "serde"), allow(dead_code))]
#[path = "../fuzz/src/bytes.rs"]
mod bytes;
#[path = "../fuzz/src/history.rs"]
mod history;
#[cfg(feature = "serde")]
#[path = "../fuzz/src/json.rs"]
mod json;
#[path = "../fuzz/src/kind.rs"]
mod kind;
#[path = "../fuzz/src/naive.rs"]
mod naive;
#[path = "../fuzz/src/operations.rs"]
mod operations;
#[path = "../fuzz/src/pattern.rs"]
mod pattern;
#[cfg(feature = "serde")]
#[path = "../fuzz/src/wire.rs"]
mod wire;

/// All targets; some need the feature `serde`.
const TARGETS: [&str; 6] = ["builder", "history", "json", "kind", "operations", "pattern"];

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// What is in a folder, sorted.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut entries: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap()
}

/// The inputs of a target, by name.
fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let inputs: Vec<_> =
        entries(&corpus().join(target)).iter().map(|path| (name(path).to_owned(), fs::read(path).unwrap())).collect();
    assert!(inputs.len() >= 20, "the corpus of {target} has {} inputs only", inputs.len());
    inputs
}

fn replay(target: &str, run: fn(&[u8])) {
    for (name, input) in inputs(target) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(&input))) {
            eprintln!("the input is fuzz/corpus/{target}/{name}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn each_folder_of_the_corpus_belongs_to_a_target() {
    let folders = entries(&corpus());
    assert!(folders.iter().map(|folder| name(folder)).eq(TARGETS), "{folders:?}");
    let targets = entries(&corpus().join("../fuzz_targets"));
    assert!(targets.iter().map(|target| name(target).trim_end_matches(".rs")).eq(TARGETS), "{targets:?}");
    TARGETS.iter().for_each(|target| drop(inputs(target)));
}

#[cfg(feature = "serde")]
#[test]
fn p12_builder() {
    replay("builder", builder::run);
}

#[test]
fn p08_history() {
    replay("history", history::run);
}

#[cfg(feature = "serde")]
#[test]
fn p12_json() {
    replay("json", json::run);
}

#[test]
fn p12_kind() {
    replay("kind", kind::run);
}

#[test]
fn p08_operations() {
    replay("operations", operations::run);
}

#[test]
fn p12_pattern() {
    replay("pattern", pattern::run);
}

/// So that whoever adds a form of operation makes it known to the fuzzer too.
#[test]
fn the_corpus_has_every_form_of_operation() {
    let mut seen = [false; operations::FORMS];
    for (_, input) in inputs("operations") {
        operations::forms(&input).into_iter().for_each(|form| seen[form] = true);
    }
    assert!(seen.iter().all(|seen| *seen), "{seen:?}");
}
