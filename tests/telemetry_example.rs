//! The example `telemetry`, run as people run it: real commands, real files, real git.
//!
//! Cargo builds the examples before it runs the tests; this finds the program beside the test. Nothing here waits for
//! time to pass: the program tells all that its commands did before it ends, and where it is to be seen at work, the test
//! acts when the line it waits for has come.
#![cfg(unix)]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

/// A directory of this test's own, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let place = std::env::temp_dir().canonicalize().unwrap();
        let folder = Self(place.join(format!("ringbus-telemetry-test-{name}-{}", std::process::id())));
        fs::create_dir_all(&folder.0).unwrap();
        folder
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs a command here, which must go well.
    fn sh(&self, command: &str) {
        let output = isolated(Command::new("sh").arg("-c").arg(command)).current_dir(&self.0).output().unwrap();
        assert!(output.status.success(), "{command}: {}", text(&output.stderr));
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A test that fails says more than this could.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Keeps git to itself: nobody's settings, nobody's repository.
fn isolated(command: &mut Command) -> &mut Command {
    for (name, value) in [("AUTHOR", "Ada"), ("COMMITTER", "Ada")] {
        command.env(format!("GIT_{name}_NAME"), value).env(format!("GIT_{name}_EMAIL"), "ada@example.com");
    }
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null")
}

fn command<A: AsRef<OsStr>>(folder: &Folder, arguments: &[A]) -> Command {
    let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let program = profile.join("examples").join(format!("telemetry{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "no {}: `cargo test` builds it, `cargo test --test` does not", program.display());
    let mut command = Command::new(program);
    isolated(&mut command).args(arguments).current_dir(&folder.0).stdin(Stdio::null());
    command
}

fn telemetry<A: AsRef<OsStr>>(folder: &Folder, arguments: &[A]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn event(line: &str) -> Value {
    #[cfg(feature = "serde")]
    ringbus::Event::from_json(line, ringbus::Unknown::Refuse).unwrap();
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// The events of a run that goes well.
fn events<A: AsRef<OsStr>>(folder: &Folder, arguments: &[A]) -> Vec<Value> {
    let mut all = vec![OsStr::new("--json")];
    all.extend(arguments.iter().map(AsRef::as_ref));
    let output = telemetry(folder, &all);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(event).collect()
}

/// Those of one kind.
fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

/// These fields of the events of one kind.
fn fields(events: &[Value], kind: &str, names: &[&str]) -> Vec<Vec<Value>> {
    let payload = |event: &&Value| names.iter().map(|name| event["payload"][name].clone()).collect();
    of(events, kind).iter().map(payload).collect()
}

/// One field of the events of one kind, as text.
fn texts(events: &[Value], kind: &str, name: &str) -> Vec<String> {
    fields(events, kind, &[name]).iter().map(|field| field[0].as_str().unwrap().to_owned()).collect()
}

/// The program at work; it ends when its standard input does.
struct Live {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Vec<Value>,
}

impl Live {
    fn start<A: AsRef<OsStr>>(folder: &Folder, arguments: &[A]) -> Self {
        let mut command = command(folder, arguments);
        let mut child = command.arg("--json").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, seen: Vec::new() }
    }

    /// Reads on until an event of this kind has come.
    fn until(&mut self, kind: &str) -> &Value {
        loop {
            let line = self.lines.next().unwrap_or_else(|| panic!("it ended without {kind}: {:?}", self.seen)).unwrap();
            self.seen.push(event(&line));
            if self.seen.last().unwrap()["type"] == kind {
                return self.seen.last().unwrap();
            }
        }
    }

    /// Ends the program's input, and with it the program.
    fn end(mut self) -> Vec<Value> {
        drop(self.child.stdin.take());
        self.seen.extend(self.lines.map(|line| event(&line.unwrap())));
        assert!(self.child.wait().unwrap().success());
        self.seen
    }
}

// === the terminal ===

#[test]
fn commands_are_run_one_after_the_other_and_told() {
    let folder = Folder::new("terminal");
    let commands = [
        "echo one > file; echo done",
        "cat file; echo oh no >&2; echo more >&2; exit 3",
        "kill -9 $$",
        "cat file file",
    ];
    let events = events(&folder, &commands);

    let told = fields(&events, "terminal.command", &["command", "exit", "bytes"]);
    let outcomes = [(Some(0), 5), (Some(3), 15), (None, 0), (Some(0), 8)];
    for ((told, command), (exit, bytes)) in told.iter().zip(commands).zip(outcomes) {
        assert_eq!(*told, [Value::from(command), Value::from(exit), Value::from(bytes)]);
    }
    assert_eq!(told.len(), commands.len());

    let errors = of(&events, "terminal.error");
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert_eq!(errors[0]["payload"], serde_json::json!({"command": commands[1], "exit": 3, "stderr": "oh no"}));
    assert_eq!(errors[1]["payload"], serde_json::json!({"command": commands[2], "signal": 9, "stderr": null}));
    for (error, command) in errors.iter().zip([1, 2]) {
        assert_eq!(error["source"], "terminal");
        assert_eq!(error["project_path"].as_str(), folder.0.to_str());
        assert_eq!(error["correlation_id"], of(&events, "terminal.command")[command]["id"]);
    }
}

#[test]
fn a_command_that_writes_much_to_both_outputs_does_not_hang() {
    let folder = Folder::new("much");
    let much = "yes | head -c 300000; yes | head -c 300000 >&2; yes | head -c 300000";
    let told = fields(&events(&folder, &[much]), "terminal.command", &["exit", "bytes"]);
    assert_eq!(told, [[Value::from(0), Value::from(900_000)]]);
}

#[test]
fn a_command_that_cannot_be_started_is_an_error() {
    let folder = Folder::new("nothing");
    let output = command(&folder, &["--json", "echo"]).env("PATH", "/nowhere").output().unwrap();
    let events: Vec<Value> = text(&output.stdout).lines().map(event).collect();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(
        (events[0]["type"].as_str(), events[0]["payload"]["command"].as_str()),
        (Some("terminal.error"), Some("echo"))
    );
    assert!(events[0]["payload"]["cause"].as_str().unwrap().starts_with("No such file"), "{events:?}");
}

// === the editor ===

#[cfg(target_os = "linux")]
#[test]
fn a_save_is_told_once_and_so_is_an_opening() {
    let folder = Folder::new("editor");
    let note = folder.file("note.txt", "before");
    folder.file("log.txt", "before\n");
    fs::create_dir(folder.0.join("deep")).unwrap();
    let commands = [
        "(echo 1; echo 22; echo 333) > note.txt", // cut to nothing, then written three times
        "echo 4 >> log.txt",
        "cat note.txt",
        "echo new > deep/new.txt",
        "echo whole > draft.tmp; mv draft.tmp whole.txt", // as editors save
        "touch note.txt; ls deep; : > .note.txt.swp; cat .note.txt.swp", // none of these saves or opens a file of ours
    ];
    let mut arguments = vec!["--watch", "."];
    arguments.extend(commands);
    let events = events(&folder, &arguments);

    let saved = fields(&events, "file.saved", &["path", "bytes"]);
    let expected = [("note.txt", 9), ("log.txt", 9), ("deep/new.txt", 4), ("whole.txt", 6)];
    assert_eq!(saved, expected.map(|(path, bytes)| [Value::from(path), Value::from(bytes)]));
    // To write, to append, to show, to touch; not what made a file.
    assert_eq!(texts(&events, "file.opened", "path"), ["note.txt", "log.txt", "note.txt", "note.txt"]);
    for event in events.iter().filter(|event| event["type"].as_str().unwrap().starts_with("file.")) {
        assert_eq!((event["source"].as_str(), event["project_path"].as_str()), (Some("editor"), folder.0.to_str()));
    }
    assert_eq!(fs::read_to_string(note).unwrap(), "1\n22\n333\n", "and the files are as the commands left them");
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_last_command_did_is_told_before_the_end() {
    let folder = Folder::new("last");
    let many = "for n in 1 2 3 4 5 6 7 8 9; do for m in 0 1 2 3 4 5 6 7 8 9; do echo $n$m > file-$n$m; done; done";
    for _ in 0..5 {
        assert_eq!(of(&events(&folder, &["--watch", ".", many]), "file.saved").len(), 90);
    }
}

#[test]
fn what_happens_is_told_while_it_happens_until_the_input_ends() {
    let folder = Folder::new("live");
    let chat = folder.file("chat.jsonl", "{\"role\": \"user\", \"content\": \"Go on.\"}\n");
    let project = folder.0.join("project");
    fs::create_dir(&project).unwrap();
    let mut live = Live::start(&folder, &[OsStr::new("--watch"), project.as_ref(), OsStr::new("--ai"), chat.as_ref()]);

    assert_eq!(live.until("editor.watching")["payload"]["path"].as_str(), project.to_str());
    fs::write(project.join("main.rs"), "fn main() {}\n").unwrap();
    assert_eq!(live.until("file.saved")["payload"], serde_json::json!({"path": "main.rs", "bytes": 13}));

    if !live.seen.iter().any(|event| event["type"] == "ai.prompt") {
        live.until("ai.prompt");
    }
    let mut file = fs::File::options().append(true).open(&chat).unwrap();
    writeln!(file, "{}", serde_json::json!({"role": "assistant", "content": "Done.", "model": "m", "tokens": 2}))
        .unwrap();
    let said = serde_json::json!({"content": "Done.", "model": "m", "tokens": 2});
    assert_eq!(live.until("ai.response")["payload"], said);

    let events = live.end();
    assert_eq!(of(&events, "ai.prompt").len(), 1, "{events:?}");
    assert_eq!(of(&events, "file.saved").len(), 1, "{events:?}");
}

#[test]
fn it_ends_when_its_time_is_over_though_the_input_is_open() {
    let folder = Folder::new("for");
    let mut live = Live::start(&folder, &["--watch", ".", "--for", "0.01"]);
    live.until("editor.watching");
    assert!(live.lines.next().is_none());
    assert!(live.child.wait().unwrap().success());
}

// === git ===

#[cfg(target_os = "linux")]
#[test]
fn gits_operations_are_told_by_name_each_once() {
    let folder = Folder::new("git");
    folder.sh("git init -q --bare -b main origin.git && git clone -q origin.git work 2>&1");
    folder.sh("cd work && git checkout -q -B main && echo 1 > a && git add a && git commit -qm first");
    folder.sh("cd work && git push -q -u origin main");
    let commands = [
        "cd work && echo 2 > a && git commit -qam second",
        "cd work && git status && git log", // say nothing new
        "cd work && git checkout -q -b topic",
        "cd work && echo 3 > a && git stash -q",
        "cd work && git commit -q --allow-empty -m third",
        "cd work && git commit -q --amend --allow-empty -m 'third: better'",
        "cd work && git tag v1",
        "cd work && git checkout -q main && git merge -q topic",
        "cd work && git reset -q --hard HEAD~",
        "cd work && git push -q",
        "cd work && git fetch -q",
        "cd work && git branch -q other && git branch -m other another",
        "cd work && git branch -q -D another",
    ];
    let mut arguments = vec!["--watch", "work"];
    arguments.extend(commands);
    let events = events(&folder, &arguments);
    let errors = of(&events, "terminal.error");
    assert!(errors.is_empty(), "{errors:?}");

    let mut told = texts(&events, "git.operation", "operation");
    // A log that is renamed and removed at once may be gone before it is read.
    let branches = told.iter().filter(|operation| operation.starts_with("branch")).count();
    assert!((2..=4).contains(&branches), "{told:?}");
    told.retain(|operation| !operation.starts_with("branch"));
    let expected = "commit checkout stash commit commit tag checkout merge reset push fetch";
    assert_eq!(told.join(" "), expected);

    let messages: Vec<Value> = fields(&events, "git.operation", &["message"]).concat();
    for message in [
        "second",
        "topic: Created from HEAD",
        "moving from main to topic",
        "(amend): third: better",
        "v1",
        "topic: Fast-forward",
        "moving to HEAD~",
        "origin/main",
        "another",
    ] {
        assert!(messages.contains(&message.into()), "no {message}: {messages:?}");
    }
    for event in of(&events, "git.operation") {
        assert_eq!(event["source"], "git");
        assert_eq!(event["project_path"].as_str(), folder.0.join("work").to_str());
    }
    assert!(of(&events, "file.saved").iter().all(|event| event["payload"]["path"] == "a"), "nothing of git's own");
}

#[cfg(target_os = "linux")]
#[test]
fn a_stash_that_is_dropped_is_told() {
    let folder = Folder::new("stash");
    folder.sh("git init -q -b main && echo 1 > a && git add a && git commit -qm first");
    folder.sh("for n in 2 3; do echo $n > a && git stash -q; done");
    // One of two, then the last, with which the log goes.
    for command in ["git stash drop -q", "git stash pop -q"] {
        let events = events(&folder, &["--watch", ".", command]);
        assert_eq!(texts(&events, "git.operation", "operation"), ["stash-drop"], "{events:?}");
    }
}

// === the AI ===

#[test]
fn messages_are_told_bad_lines_too_and_those_added_later() {
    let folder = Folder::new("ai");
    let chat = [
        r#"{"role": "system", "content": "Be brief."}"#,
        r#"{"role": "user", "content": "Two\nlines?", "model": "m-1", "tokens": 7}"#,
        r#"{"role": "user", "content": "#,
        "",
        r#"{"role": "robot", "content": "Hello"}"#,
        r#"{"role": "user"}"#,
        r#"{"role": "user", "content": 7}"#,
        r#"[1, 2]"#,
        r#"{"role": "assistant", "content": "Yes.", "model": "m-1", "tokens": 3}"#,
    ];
    folder.file("chat.jsonl", &(chat.join("\n") + "\n"));
    let grow = r#"printf '{"role": "tool", "con' >> chat.jsonl; printf 'tent": "42"}\nnonsense' >> chat.jsonl"#;
    let events = events(&folder, &["--ai", "chat.jsonl", grow]);

    let prompts = fields(&events, "ai.prompt", &["role", "content", "model", "tokens"]);
    let expected = serde_json::json!([
        ["system", "Be brief.", null, null],
        ["user", "Two\nlines?", "m-1", 7],
        ["tool", "42", null, null],
    ]);
    assert_eq!(Value::from(prompts), expected);
    let responses = fields(&events, "ai.response", &["content", "model", "tokens"]);
    assert_eq!(Value::from(responses), serde_json::json!([["Yes.", "m-1", 3]]));

    let unreadable = fields(&events, "ai.unreadable", &["line", "reason"]);
    let expected = serde_json::json!([
        [3, "EOF while parsing a value, at column 27"],
        [5, "\"role\" is \"robot\"; user, system, tool and assistant are known"],
        [6, "there is no \"content\""],
        [7, "\"content\" is 7, which is no text"],
        [8, "there is no \"role\""],
        [11, "expected ident, at column 2"],
    ]);
    assert_eq!(Value::from(unreadable), expected);
    assert!(of(&events, "ai.unreadable").iter().all(|event| event["payload"]["file"] == "chat.jsonl"));
}

#[test]
fn a_file_that_begins_anew_is_read_anew() {
    let folder = Folder::new("anew");
    let chat = folder.file("chat.jsonl", &"{\"role\": \"user\", \"content\": \"Before.\"}\n".repeat(3));
    let mut live = Live::start(&folder, &["--ai", "chat.jsonl"]);
    for _ in 0..3 {
        live.until("ai.prompt");
    }
    fs::write(chat, "{\"role\": \"user\", \"content\": \"After.\"}\n").unwrap();
    assert_eq!(live.until("ai.prompt")["payload"]["content"], "After.");
    assert_eq!(live.end().len(), 4);
}

// === the program ===

#[test]
fn the_demonstration_shows_every_source_and_fits_80_columns() {
    let folder = Folder::new("demonstration");
    let output = telemetry::<&str>(&folder, &[]);
    let (report, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && errors.is_empty(), "{report}\n{errors}");
    let broad = report.lines().find(|line| line.chars().count() > 80 || line.contains(char::is_control));
    assert_eq!(broad, None, "fits a terminal of 80 columns, and sends it no control character");
    let (live, end) = report.split_once("\nthe bus\n").unwrap();
    for kind in ["terminal.command", "terminal.error", "file.saved", "git.operation", "ai.prompt", "ai.response"] {
        assert!(live.lines().any(|line| line.split(' ').nth(1) == Some(kind)), "no {kind}: {live}");
    }
    let events = live.lines().count();
    assert!(end.contains(&format!("published          {events}\n")), "{report}");
    assert!(end.contains(&format!("delivered          {events}\n")), "{report}");
    let (_, recent) = end.split_once("\nthe last 10 events, newest first\n").unwrap();
    assert_eq!(recent.lines().count(), 10, "{report}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = Folder::new("pipe");
    let mut command = command(&folder, &["echo 1", "echo 2"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_ends_with_1() {
    let folder = Folder::new("full");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command(&folder, &["--json", "echo 1"]).stdout(full).output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.starts_with("telemetry: handler printer failed on terminal.command: No space left"), "{errors}");
}

#[test]
fn wrong_arguments_are_named_and_end_with_2() {
    let folder = Folder::new("arguments");
    let file: &Path = &folder.file("file", "");
    for (arguments, words) in [
        (&["--fast"][..], "--fast"),
        (&["--for", "ever"], "--for takes seconds, from 0 to 86400"),
        (&["--for", "-1"], "--for takes seconds, from 0 to 86400"),
        (&["--for", "90000"], "--for takes seconds, from 0 to 86400"),
        (&["--for"], "--for"),
        (&["--json=yes"], "--json"),
        (&["--watch"], "--watch"),
        (&["--watch", "no/folder", "echo"], "--watch \"no/folder\": No such file"),
        (&["--watch", file.to_str().unwrap()], "Not a directory"),
        (&["--ai", "no/file", "echo"], "--ai \"no/file\": No such file"),
        (&["--ai", "."], "--ai \".\": is a directory"),
    ] {
        let output = telemetry(&folder, arguments);
        let errors = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()), "{errors}");
        let first = errors.lines().next().unwrap_or_default();
        assert!(first.starts_with("telemetry: ") && first.contains(words), "{errors}");
    }
}

#[test]
fn help_goes_to_standard_output() {
    let folder = Folder::new("help");
    for help in ["--help", "-h"] {
        let output = telemetry(&folder, &[help]);
        assert!(output.status.success());
        let help = text(&output.stdout);
        assert!(help.contains("Usage: telemetry [OPTIONS] [--] [COMMAND]..."));
        assert!(help.lines().all(|line| line.chars().count() <= 80));
        assert_eq!(text(&output.stderr), "");
    }
}
