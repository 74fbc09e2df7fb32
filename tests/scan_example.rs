//! The example `scan`, run as people run it, on trees made for it.
//!
//! Cargo builds the examples before it runs the tests; this finds the program beside the test.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory of this test's own, removed with it.
struct Tree(PathBuf);

impl Tree {
    /// A tree with files of known sizes, some with odd names.
    fn new(name: &str) -> Self {
        let tree = Self(std::env::temp_dir().join(format!("ringbus-{name}-{}", std::process::id())));
        for directory in ["a/b/c", "empty", ".hidden", "with space"] {
            fs::create_dir_all(tree.0.join(directory)).unwrap();
        }
        for n in 0..120 {
            tree.file(&format!("a/b/{n}.txt"), n);
        }
        tree.file("a/b/c/large.bin", 100_000);
        tree.file(".hidden/file.rs", 10);
        tree.file("with space/no extension", 5);
        tree.file("with space/line\nbreak.rs", 5);
        tree
    }

    fn file(&self, name: &str, bytes: usize) {
        fs::write(self.0.join(name), vec![b'x'; bytes]).unwrap();
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Files, and directories with the root: what `Tree::new` makes.
const FILES: u64 = 124;
const DIRECTORIES: u64 = 7;

fn scan(arguments: &[&OsStr]) -> Output {
    let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let program = profile.join("examples").join(format!("scan{}", std::env::consts::EXE_SUFFIX));
    Command::new(&program).args(arguments).output().unwrap_or_else(|error| {
        panic!("{}: {error}; `cargo test` builds it, `cargo test --test scan_example` does not", program.display())
    })
}

/// The counts at the head of the report, by name.
fn counts(output: &Output) -> BTreeMap<String, u64> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let head = text.lines().skip(1).take_while(|line| !line.is_empty());
    head.filter_map(|line| {
        let (name, count) = line.trim().rsplit_once(' ')?;
        Some((name.trim().to_owned(), count.replace(',', "").parse().ok()?))
    })
    .collect()
}

fn check(path: &Path, arguments: &[&str]) -> Output {
    let mut all: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    all.push(path.as_os_str());
    let output = scan(&all);
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}\n{errors}");
    let counts = counts(&output);
    assert_eq!((counts["files"], counts["directories"]), (FILES, DIRECTORIES), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80 || line.starts_with("scanned ")), "{text}");
    output
}

#[test]
fn every_file_is_published_once_also_with_chaos() {
    let tree = Tree::new("count");
    let calm = check(&tree.0, &["--threads", "3"]);
    assert!(calm.stderr.is_empty(), "{}", String::from_utf8_lossy(&calm.stderr));
    assert!(String::from_utf8_lossy(&calm.stdout).contains("failed             0 (0 by panic)"));

    let chaos = check(&tree.0, &["--chaos"]);
    let text = String::from_utf8_lossy(&chaos.stdout);
    assert!(text.contains("failed             1 (1 by panic)"), "131 events, and each hundredth panics: {text}");
    let errors = String::from_utf8_lossy(&chaos.stderr);
    assert!(errors.starts_with("scan: handler chaos panicked on scan."), "{errors}");
    assert_eq!(errors.lines().count(), 1, "one report, and no panic message beside it: {errors}");
}

#[cfg(unix)]
#[test]
fn links_are_counted_apart_and_not_followed() {
    let tree = Tree::new("links");
    std::os::unix::fs::symlink(tree.0.join("a"), tree.0.join("empty/to-a")).unwrap();
    std::os::unix::fs::symlink("nowhere", tree.0.join("empty/to-nowhere")).unwrap();
    let counts = counts(&check(&tree.0, &[]));
    assert_eq!((counts["symbolic links"], counts["errors"]), (2, 0));
}

#[test]
fn json_lines_hold_every_event() {
    let tree = Tree::new("json");
    let lines = std::env::temp_dir().join(format!("ringbus-lines-{}.jsonl", std::process::id()));
    check(&tree.0, &["--json", lines.to_str().unwrap()]);
    let text = fs::read_to_string(&lines).unwrap();
    fs::remove_file(&lines).unwrap();

    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for line in text.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        *kinds.entry(event["type"].as_str().unwrap().to_owned()).or_default() += 1;
        #[cfg(feature = "serde")]
        {
            let back = ringbus::Event::from_json(line, ringbus::Unknown::Refuse).unwrap();
            let again: serde_json::Value = serde_json::from_str(&back.to_json()).unwrap();
            assert_eq!(again, event, "the same form as the crate's own");
        }
    }
    assert_eq!(kinds, BTreeMap::from([("scan.directory".to_owned(), DIRECTORIES), ("scan.file".to_owned(), FILES)]));
}

#[test]
fn a_path_that_is_not_there_is_named_and_ends_with_2() {
    let output = scan(&[OsStr::new("no/such/place")]);
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.starts_with("scan: cannot scan no/such/place: "), "{errors}");
    assert!(output.stdout.is_empty());
}

#[test]
fn wrong_arguments_are_named_and_end_with_2() {
    for (arguments, word) in
        [(&["--fast"][..], "--fast"), (&["--threads", "0"], "0"), (&["--threads"], "--threads"), (&["a", "b"], "b")]
    {
        let arguments: Vec<_> = arguments.iter().map(OsStr::new).collect();
        let output = scan(&arguments);
        assert_eq!(output.status.code(), Some(2));
        let errors = String::from_utf8_lossy(&output.stderr);
        let first = errors.lines().next().unwrap_or_default();
        assert!(first.starts_with("scan: ") && first.contains(word), "{errors}");
    }
    let unwritable = ["--json", "no/such/place/lines.jsonl", "."].map(OsStr::new);
    let output = scan(&unwritable);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write no/such/place/lines.jsonl"));
}

#[test]
fn help_goes_to_standard_output() {
    let output = scan(&[OsStr::new("--help")]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("Usage: scan [OPTIONS] [PATH]"));
}
