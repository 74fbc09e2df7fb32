//! Every case in `fail` must be refused with the words beside it; its twin in `pass` must compile and run.
//!
//! A case's first line, `//~ words`, is what the message must say, whatever the compiler says around it. The whole
//! message is compared with the one beside the case under the compiler that has written it, [`WRITTEN_BY`]; others
//! word theirs differently, and only have to say those words. A new compiler's messages are written by
//! `TRYBUILD=overwrite cargo test`: look at the difference.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, panic};

use trybuild::TestCases;

/// The compiler whose messages stand beside the cases.
const WRITTEN_BY: &str = "rustc 1.95.";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The names of a folder's files that end so, without it.
fn names(name: &str, extension: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|found| found == extension))
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

/// Whether each case's message, found in this folder, says what it must.
fn assert_said(messages: &Path) {
    for name in names("fail", "rs") {
        let case = fs::read_to_string(folder("fail").join(&name).with_extension("rs")).unwrap();
        let words = case.lines().next().and_then(|line| line.strip_prefix("//~ ")).expect("words come first");
        let message = fs::read_to_string(messages.join(&name).with_extension("stderr"));
        let message = message.unwrap_or_else(|_| panic!("{name} compiles"));
        assert!(message.contains(words), "{name}: not said: {words}\n{message}");
    }
}

#[test]
fn every_case_has_a_twin_and_a_message() {
    assert_eq!(names("fail", "rs"), names("pass", "rs"), "each case has a twin");
    assert_eq!(names("fail", "rs"), names("fail", "stderr"), "each case has a message");
    assert_said(&folder("fail"));
    for name in names("fail", "stderr") {
        let message = fs::read_to_string(folder("fail").join(&name).with_extension("stderr")).unwrap();
        assert!(!message.contains("--> /"), "{name}: a path of the machine that wrote it");
    }
}

#[test]
fn every_mistake_is_refused_in_words_and_its_twin_compiles() {
    let compiler = Command::new(env::var_os("RUSTC").unwrap_or("rustc".into())).arg("--version").output().unwrap();
    let known = String::from_utf8_lossy(&compiler.stdout).starts_with(WRITTEN_BY);
    if !known && env::var_os("TRYBUILD").is_none() {
        refused_by_another_compiler();
        return TestCases::new().pass("pass/*.rs");
    }
    let cases = TestCases::new();
    cases.compile_fail("fail/*.rs");
    cases.pass("pass/*.rs");
}

/// With no message to compare with, trybuild writes what it finds to `wip`, and panics to say so.
fn refused_by_another_compiler() {
    let cases = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fail");
    fs::create_dir_all(&cases).unwrap();
    for name in names("fail", "rs") {
        let name = name + ".rs";
        fs::copy(folder("fail").join(&name), cases.join(&name)).unwrap();
    }
    let all = cases.join("*.rs");
    panic::catch_unwind(|| TestCases::new().compile_fail(all)).expect_err("nothing was refused");
    assert_said(&folder("wip"));
    fs::remove_dir_all(folder("wip")).unwrap();
}
