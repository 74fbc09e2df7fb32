//! What became of a model that ran on a mutant: caught, survived, and the ways between.
//!
//! Promises that a model which never ends is killed at its limit, itself and not only a parent that
//! started it, and that all it printed is kept in a file. Knows nothing of trees and builds.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::context::{Context, ended};
use crate::loom::{self, Model};
use crate::mutants::Mutant;

/// What a model made of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An assertion of the model failed, or loom's own.
    Caught,
    /// The model passed.
    Survived,
    /// The model was killed at the time limit, or an order of its steps never ended.
    Timeout,
    /// The model ended otherwise, as the text says.
    Crashed(String),
    /// The mutant could not be put in, or does not compile; the text says why.
    NoMutant(String),
}

// === impl Outcome ===

impl Outcome {
    /// Whether the model noticed the mutant.
    pub(crate) fn is_caught(&self, mutant: &Mutant) -> bool {
        match self {
            Outcome::Caught => true,
            Outcome::Timeout => mutant.hangs,
            Outcome::Survived | Outcome::Crashed(_) | Outcome::NoMutant(_) => false,
        }
    }

    /// The outcome in a few words.
    pub(crate) fn word(&self) -> String {
        match self {
            Outcome::Caught => "caught".to_owned(),
            Outcome::Survived => "SURVIVED".to_owned(),
            Outcome::Timeout => "timeout".to_owned(),
            Outcome::Crashed(how) => format!("CRASHED ({how})"),
            Outcome::NoMutant(why) => format!("NO MUTANT ({why})"),
        }
    }
}

// === running with a limit ===

/// Runs a model with all its output in `log`.
pub(crate) fn watch(context: &Context, model: &Model, log: &Path, limit: Duration) -> Result<Outcome, String> {
    let said = |why: std::io::Error| format!("{}: {why}", log.display());
    let output = File::create(log).map_err(said)?;
    let mut command = loom::start(context, model);
    command.env("RUST_BACKTRACE", "0").stdout(output.try_clone().map_err(said)?).stderr(output);
    let mut child = command.spawn().map_err(|why| format!("{}: {why}", model.program.display()))?;
    let Some(status) = wait(&mut child, limit)? else {
        return Ok(Outcome::Timeout);
    };
    if status.success() {
        return Ok(Outcome::Survived);
    }
    let text = String::from_utf8_lossy(&fs::read(log).map_err(said)?).into_owned();
    Ok(failed(status.code(), &text).unwrap_or_else(|| Outcome::Crashed(ended(status))))
}

// === what a failed model has said ===

/// What a test program that has failed tests ends with.
const FAILED: i32 = 101;

/// What loom says where an order of steps does not end, also with no time limit near.
const ENDLESS: &str = "exceeded maximum number of branches";

/// What loom says of a model that is wrong, from a place of its own.
const FAULTS: [&str; 3] = ["Causality violation", "deadlock;", " leaked"];

/// A test's first panic; those after it may be what the first has led to.
#[derive(Debug)]
struct Panic<'a> {
    place: &'a str,
    message: &'a str,
}

/// What became of a model that ended with `code` and printed `text`; `None` if that is no way for a test to fail.
///
/// A panic inside a model unwinds through destructors that look at loom's atomics, and may end in an abort: that counts
/// as caught where the first panic was an assertion.
fn failed(code: Option<i32>, text: &str) -> Option<Outcome> {
    let panics = first_panics(text);
    let ending = || panics.iter().filter(|panic| !panic.message.contains(ENDLESS));
    if !panics.is_empty() && ending().next().is_none() {
        return Some(Outcome::Timeout);
    }
    let caught = if code == Some(FAILED) { ending().next().is_some() } else { ending().any(Panic::is_assertion) };
    caught.then_some(Outcome::Caught)
}

/// The first panic of each test: one runs on a thread that bears its name, all threads of its model on the same.
fn first_panics(text: &str) -> Vec<Panic<'_>> {
    let mut lines = text.lines();
    let mut tests = Vec::new();
    let mut panics = Vec::new();
    while let Some(line) = lines.next() {
        let Some((before, place)) = line.split_once(" panicked at ") else { continue };
        let test = before.rfind("thread '").map_or(before, |at| &before[at..]);
        if !tests.contains(&test) {
            tests.push(test);
            panics.push(Panic { place, message: lines.next().unwrap_or_default() });
        }
    }
    panics
}

// === impl Panic ===

impl Panic<'_> {
    /// Whether the model, or the code that it runs, or loom has said that something is wrong.
    fn is_assertion(&self) -> bool {
        let place = self.place.replace('\\', "/");
        let ours = place.starts_with("tests/loom/") || place.starts_with("src/");
        ours || FAULTS.iter().any(|fault| self.message.contains(fault))
    }
}

/// Waits for the end of a process; kills it at the limit and returns `None`.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>, String> {
    let lost = |why: std::io::Error| format!("a model was lost: {why}");
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(lost)? {
            return Ok(Some(status));
        }
        if began.elapsed() >= limit {
            child.kill().map_err(lost)?;
            child.wait().map_err(lost)?;
            return Ok(None);
        }
        sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSERTED: &str = "thread 'a::b' (7) panicked at tests/loom/a.rs:3:5:\nassertion failed: x";
    const RACED: &str = "thread 'a::b' (7) panicked at /r/loom-0.7.2/src/rt/location.rs:115:9:\n\
        Causality violation: Concurrent read and write accesses.";
    const ENDLESS: &str = "thread 'a::c' (8) panicked at /r/loom-0.7.2/src/rt/path.rs:118:13:\n\
        Model exceeded maximum number of branches. This is often caused by";
    const ABORTED: &str = "thread 'a::b' (7) panicked at /rustc/0/library/core/src/panicking.rs:233:5:\n\
        panic in a destructor during cleanup\nthread caused non-unwinding panic. aborting.";
    const INSIDE: &str = "thread 'a::b' (7) panicked at /r/loom-0.7.2/src/rt/object.rs:220:20:\nunexpected object";

    #[test]
    fn a_test_that_fails_has_caught_it() {
        for said in [ASSERTED, RACED, INSIDE] {
            assert_eq!(failed(Some(101), &format!("running 1 test\n\n{said}\n")), Some(Outcome::Caught), "{said}");
        }
        assert_eq!(failed(Some(101), "no test"), None);
    }

    #[test]
    fn an_order_that_does_not_end_is_a_timeout_unless_another_test_has_caught_it() {
        assert_eq!(failed(Some(101), ENDLESS), Some(Outcome::Timeout));
        assert_eq!(
            failed(None, &format!("{ENDLESS}\n{}", ABORTED.replace("a::b' (7)", "a::c' (8)"))),
            Some(Outcome::Timeout)
        );
        assert_eq!(failed(Some(101), &format!("{ENDLESS}\n{ASSERTED}")), Some(Outcome::Caught));
    }

    #[test]
    fn what_ends_otherwise_is_caught_only_by_an_assertion_before() {
        for said in [ASSERTED, RACED] {
            assert_eq!(failed(None, &format!("{said}\n{ABORTED}")), Some(Outcome::Caught), "{said}");
        }
        assert_eq!(failed(None, ABORTED), None);
        assert_eq!(failed(None, &format!("{INSIDE}\n{ASSERTED}")), None);
        assert_eq!(failed(Some(9), "nothing"), None);
    }
}
