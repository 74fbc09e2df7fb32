//! The example `scan`, run as people run it, on trees made for it.
//!
//! Cargo builds the examples before it runs the tests; this finds the program beside the test.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory of this test's own, removed with it.
struct Tree(PathBuf);

impl Tree {
    /// A tree with files of known sizes, some with odd names.
    fn new(name: &str) -> Self {
        let tree = Self(std::env::temp_dir().join(format!("ringbus-{name}-{}", std::process::id())));
        for directory in ["a/b/c", "empty", ".hidden", "with space"] {
            fs::create_dir_all(tree.0.join(directory)).unwrap();
        }
        for n in 0..520 {
            tree.file(format!("a/b/{n}.txt"), n);
        }
        tree.file("a/b/c/large.bin", 100_000);
        tree.file("a/b/.gitignore", 5);
        tree.file(".hidden/file.rs", 10);
        tree.file("with space/no extension", 5);
        #[cfg(unix)]
        tree.file("with space/line\nbreak.\u{1b}[31m", 5);
        #[cfg(target_os = "linux")]
        tree.file(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"with space/not \xff UTF-8.\xfe"), 5);
        tree
    }

    fn file(&self, name: impl AsRef<Path>, bytes: usize) {
        fs::write(self.0.join(name), vec![b'*'; bytes]).unwrap();
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // A test that fails says more than this could.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What `Tree::new` makes: files, and directories with the root.
const FILES: u64 = 524 + cfg!(unix) as u64 + cfg!(target_os = "linux") as u64;
const DIRECTORIES: u64 = 7;

fn command<A: AsRef<OsStr>>(arguments: &[A]) -> Command {
    let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let program = profile.join("examples").join(format!("scan{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "no {}: `cargo test` builds it, `cargo test --test` does not", program.display());
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
}

fn scan<A: AsRef<OsStr>>(arguments: &[A]) -> Output {
    command(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The counts at the head of the report, by name.
fn counts(output: &Output) -> BTreeMap<String, u64> {
    let report = text(&output.stdout);
    let head = report.lines().skip(1).take_while(|line| !line.is_empty());
    head.filter_map(|line| {
        let (name, count) = line.trim().rsplit_once("  ")?;
        Some((name.trim().to_owned(), count.trim().replace(',', "").parse().ok()?))
    })
    .collect()
}

/// A scan of `path` that goes well and counts `files` and `directories`.
fn check(path: &Path, arguments: &[&str], files: u64, directories: u64) -> Output {
    let mut all: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    all.push(path.as_os_str());
    let output = scan(&all);
    let (report, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{report}\n{errors}");
    let counts = counts(&output);
    assert_eq!((counts["files"], counts["directories"]), (files, directories), "{report}");
    let broad = report.lines().find(|line| line.chars().count() > 80 || line.contains(char::is_control));
    assert_eq!(broad, None, "fits a terminal of 80 columns, and sends it no control character");
    output
}

/// A scan that ends with this code; what it says on standard error.
fn ends_with<A: AsRef<OsStr>>(code: i32, arguments: &[A]) -> String {
    let output = scan(arguments);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    assert!(code != 2 || output.stdout.is_empty(), "nothing was scanned");
    errors
}

#[test]
fn every_file_is_published_once_also_with_chaos() {
    let tree = Tree::new("count");
    for threads in ["1", "3"] {
        let calm = check(&tree.0, &["--threads", threads], FILES, DIRECTORIES);
        assert_eq!(text(&calm.stderr), "");
        assert!(text(&calm.stdout).contains("failed             0 (0 by panic)"));
    }
    for threads in ["1", "3"] {
        let chaos = check(&tree.0, &["--chaos", "--threads", threads], FILES, DIRECTORIES);
        let report = text(&chaos.stdout);
        assert!(report.contains("failed             5 (5 by panic)"), "each hundredth of 531 to 533: {report}");
        let errors = text(&chaos.stderr);
        assert!((1..=5).contains(&errors.lines().count()), "reports of the bus: {errors}");
        for line in errors.lines() {
            assert!(line.starts_with("scan: handler chaos panicked on scan."), "and nothing else: {errors}");
        }
    }
}

#[cfg(unix)]
#[test]
fn links_and_special_files_are_counted_apart_and_not_followed() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let tree = Tree::new("links");
    symlink(tree.0.join("a"), tree.0.join("empty/to-a")).unwrap();
    symlink("nowhere", tree.0.join("empty/to-nowhere")).unwrap();
    // The address of a socket has to be short.
    let socket = tree.0.join("s");
    let others = UnixListener::bind(&socket).map_or(0, |_| 1);
    let found = counts(&check(&tree.0, &[], FILES, DIRECTORIES));
    assert_eq!((found["symbolic links"], found["other"], found["errors"]), (2, others, 0));

    let link = tree.0.join("empty/to-a");
    let output = check(&link, &[], 0, 0);
    assert_eq!(counts(&output)["symbolic links"], 1, "as for `find`");
    assert!(text(&output.stderr).contains("is a symbolic link, not followed"));
    check(&link.join(""), &[], 522, 3);
    check(&tree.0.join("a/b/7.txt"), &[], 1, 0);
    if others == 1 {
        assert_eq!(counts(&check(&socket, &[], 0, 0))["other"], 1, "nobody waits for what is in it");
    }
}

#[cfg(unix)]
#[test]
fn what_must_not_be_read_is_an_error_and_the_rest_is_counted() {
    use std::os::unix::fs::PermissionsExt;

    let tree = Tree::new("secret");
    let secret = tree.0.join("a/b/c");
    let allow = |mode| fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).unwrap();
    allow(0);
    if fs::read_dir(&secret).is_ok() {
        return allow(0o755); // root may read everything
    }
    let lines = tree.0.with_extension("jsonl");
    let output = check(&tree.0, &["--json", lines.to_str().unwrap()], FILES - 1, DIRECTORIES);
    assert_eq!(counts(&output)["errors"], 1);
    let events = fs::read_to_string(&lines).unwrap();
    fs::remove_file(&lines).unwrap();
    let error = events.lines().find(|line| line.contains(r#""type":"scan.error""#)).unwrap();
    let error: serde_json::Value = serde_json::from_str(error).unwrap();
    assert_eq!(error["payload"]["path"].as_str(), secret.to_str());
    assert!(error["payload"]["cause"].as_str().unwrap().starts_with("Permission denied"), "{error}");

    let errors = ends_with(2, &[&secret]);
    allow(0o755);
    assert!(errors.starts_with(&format!("scan: cannot scan {secret:?}: Permission denied")), "{errors}");
}

#[test]
fn json_lines_hold_every_event() {
    let tree = Tree::new("json");
    let lines = tree.0.with_extension("jsonl");
    check(&tree.0, &["--chaos", "--json", lines.to_str().unwrap()], FILES, DIRECTORIES);
    let events = fs::read_to_string(&lines).unwrap();
    fs::remove_file(&lines).unwrap();

    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for line in events.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        *kinds.entry(event["type"].as_str().unwrap().to_owned()).or_default() += 1;
        #[cfg(feature = "serde")]
        {
            let back = ringbus::Event::from_json(line, ringbus::Unknown::Refuse).unwrap();
            assert_eq!(line, back.to_json(), "the crate's own form, to the letter");
        }
    }
    assert_eq!(kinds, BTreeMap::from([("scan.directory".to_owned(), DIRECTORIES), ("scan.file".to_owned(), FILES)]));
}

#[cfg(target_os = "linux")]
#[test]
fn json_that_cannot_be_written_is_told_once_and_ends_with_1() {
    let tree = Tree::new("full");
    let output = scan(&[OsStr::new("--json"), OsStr::new("/dev/full"), tree.0.as_os_str()]);
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert_eq!(errors.matches("\"/dev/full\" is incomplete: No space left on device").count(), 1, "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert_eq!(counts(&output)["files"], FILES, "the scan itself is complete");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let tree = Tree::new("pipe");
    let mut child = command(&[&tree.0]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn a_path_that_is_not_there_is_named_and_ends_with_2() {
    let errors = ends_with(2, &["no/such/place"]);
    assert!(errors.starts_with("scan: cannot scan \"no/such/place\": "), "{errors}");
    let errors = ends_with(2, &["--json", "no/such/place/lines.jsonl", "."]);
    assert!(errors.starts_with("scan: cannot write \"no/such/place/lines.jsonl\": "), "{errors}");
}

#[test]
fn wrong_arguments_are_named_and_end_with_2() {
    for (arguments, word) in [
        (&["--fast"][..], "--fast"),
        (&["--threads", "0"], "from 1 to 256"),
        (&["--threads", "257"], "from 1 to 256"),
        (&["--threads", "many"], "many"),
        (&["--threads"], "--threads"),
        (&["--chaos=yes"], "--chaos"),
        (&["a", "b"], "b"),
    ] {
        let errors = ends_with(2, arguments);
        let first = errors.lines().next().unwrap_or_default();
        assert!(first.starts_with("scan: ") && first.contains(word), "{errors}");
    }
}

#[test]
fn help_goes_to_standard_output() {
    for help in ["--help", "-h"] {
        let output = scan(&[help]);
        assert!(output.status.success());
        assert!(text(&output.stdout).contains("Usage: scan [OPTIONS] [PATH]"));
        assert_eq!(text(&output.stderr), "");
    }
}
