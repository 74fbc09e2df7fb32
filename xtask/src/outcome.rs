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
    /// An assertion of the model failed.
    Caught,
    /// The model passed.
    Survived,
    /// The model was killed at the time limit.
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
    match text.contains("panicked at") {
        true => Ok(Outcome::Caught),
        false => Ok(Outcome::Crashed(ended(status))),
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
