//! The example `blackbox`, run as people run it.
#![cfg(all(feature = "serde", not(ringbus_loom)))]

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::{env, fs};

fn blackbox(arguments: &[&str]) -> Output {
    let profile = env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let program = profile.join("examples").join(format!("blackbox{}", env::consts::EXE_SUFFIX));
    assert!(program.exists(), "no {}: `cargo test` builds it, `cargo test --test` does not", program.display());
    Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// A file of this test's own, removed with it.
struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        // A test that fails says more than this could.
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn it_shows_both_panics_and_what_led_to_them_in_80_columns() {
    let file = File(env::temp_dir().join(format!("ringbus-blackbox-test-{}.jsonl", std::process::id())));
    let output = blackbox(&[file.0.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "PANIC on orders: the ledger has no page 13\n",
        "  while handling order.placed {\"order\":13}\n    while handling order.billed {\"order\":\"13\"}\n",
        "  the last 4 of 6 events:\n",
        "PANIC on stock: somebody has eaten the stock\n",
        "  the last 4 of 9 events:\n",
        "failed             1 (1 by panic)\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let path = file.0.to_str().unwrap();
    assert!(text.lines().all(|line| line.contains(path) || line.chars().count() <= 80), "{text}");
    // Two dumps: a panic each, two events being handled, 6 and 9 of the history.
    assert_eq!(fs::read_to_string(&file.0).unwrap().lines().count(), 2 + 2 + 6 + 9);
}

#[test]
fn bad_arguments_are_told_and_nothing_is_run() {
    for arguments in [&["--what"][..], &["one", "two"]] {
        let output = blackbox(arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("usage: blackbox [FILE]"));
    }
    let output = blackbox(&["/no/such/folder/crash.jsonl"]);
    assert!(!output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("/no/such/folder/crash.jsonl"));
}
