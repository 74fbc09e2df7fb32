//! The example `channels_async`, run as people run it: what it prints is the same every time.
#![cfg(all(feature = "async", not(ringbus_loom)))]

use std::process::{Command, Output, Stdio};

const SHOWN: &str = "\
1. Subscribe, publish, unsubscribe by name
  > session.start: Is anybody there?
    heard by 0, failed 0
  > session.start: Welcome.
    Ada hears on session.start: Welcome.
    heard by 1, failed 0
  > session.start: Are you gone?
    heard by 0, failed 0

2. Several handlers on a channel, each a task of its own: one waits for another
  > session.goal: Run ten kilometres.
    Ada hears on session.goal, and looks around
    Bob hears on session.goal, and nods
    Ada has seen a nod: Run ten kilometres.
    heard by 2, failed 0

3. Channels are isolated from each other
  > team.red: To the left.
    Ada hears on team.red: To the left.
    heard by 1, failed 0
  > team.blue: To the right.
    Bob hears on team.blue: To the right.
    heard by 1, failed 0

4. A handler that fails or panics harms no other
  > session.note: Well done.
  ! the archive failed: the disk is full
  ! the printer panicked: out of paper
    Ada hears on session.note: Well done.
    heard by 1, failed 2
  dead letter of the archive: Well done.
  dead letter of the printer: Well done.

5. Which channels there are, and who listens
  team.blue    1
  team.red     2
  team.green   0
  handlers: Ada, Bob, Eve

6. A slow handler holds up neither the coach nor the others
  > session.note: Breathe in and out.
    waits for 2
  > session.note: Once more.
    waits for 2
    Ada hears on session.note: Breathe in and out.
    Ada hears on session.note: Once more.
  the scribe: 1 begun, 1 waiting, 0 done
    the scribe writes: 4 words on session.note
    the scribe writes: 2 words on session.note

7. Closing: what waits is heard or counted, and no call runs any more
  > session.end: Goodbye.
    waits for 1
    Ada hears on session.end: Goodbye.
  > session.end: Nobody hears this.
    heard by 0, failed 0
  active: false, channels left: 0
  > session.end: Bob has gone before he hears this.
    waits for 1
  discarded for Bob: 1

8. Shutting down: what waits is heard first
  > session.late: Good night.
    waits for 1
    Eve hears on session.late: Good night.
  shut down: 1 drained, 0 abandoned
  afterwards: ShutDown
  published 15, delivered 12, failed 2
";

fn command(arguments: &[&str]) -> Command {
    let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
    let program = profile.join("examples").join(format!("channels_async{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "no {}: `cargo test` builds it, `cargo test --test` does not", program.display());
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
}

fn channels(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn it_prints_this_every_time() {
    assert!(SHOWN.lines().all(|line| line.chars().count() <= 80), "fits a terminal of 80 columns");
    for _ in 0..10 {
        let output = channels(&[]);
        assert_eq!(text(&output.stdout), SHOWN);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = command(&[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_ends_with_1() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    assert_eq!(command(&[]).stdout(full).output().unwrap().status.code(), Some(1));
}

#[test]
fn wrong_arguments_are_named_and_end_with_2() {
    for (arguments, word) in [(&["--fast"][..], "--fast"), (&["room"], "room")] {
        let output = channels(arguments);
        let errors = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()), "{errors}");
        let first = errors.lines().next().unwrap_or_default();
        assert!(first.starts_with("channels_async: ") && first.contains(word), "{errors}");
    }
}

#[test]
fn help_goes_to_standard_output() {
    for help in ["--help", "-h"] {
        let output = channels(&[help]);
        assert!(output.status.success());
        assert!(text(&output.stdout).contains("Usage: channels_async [OPTIONS]\n"));
        assert_eq!(text(&output.stderr), "");
    }
}
