//! `cargo xtask loom --mutants`: breaks each protocol in the known ways; its model must notice.
//!
//! 1. The tree is copied to `target/mutants/tree`; the source itself is never touched.
//! 2. The models run on the unbroken copy: only where they pass does a failure mean anything.
//! 3. Each mutant is put in, built, run with a time limit, and taken out again.
//!
//! Promises that "caught" means an assertion of the model: not a build that failed, not a crash.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::End;
use crate::context::{Context, lasted};
use crate::loom;
use crate::mutants::{self, Mutant};
use crate::outcome::{Outcome, watch};
use crate::tree;

/// How long a model may take on one mutant, unless told otherwise.
pub(crate) const DEFAULT_LIMIT: Duration = Duration::from_secs(600);

// === the command ===

/// Tries all mutants, or those that `name` names (a mutant, a model, or one test of it).
pub(crate) fn run(context: &Context, name: Option<&str>, limit: Duration) -> End {
    let wanted =
        |mutant: &&Mutant| name.is_none_or(|name| [mutant.name, mutant.model, mutant.file_of_model()].contains(&name));
    let mutants: Vec<Mutant> = mutants::all().filter(wanted).copied().collect();
    match (mutants.is_empty(), name) {
        (true, Some(name)) => End::Usage(format!("no mutant and no model of one is `{name}`")),
        (true, None) => End::Failed("there are no mutants: nothing was shown".to_owned()),
        (false, _) => match try_all(context, &mutants, limit) {
            Ok(results) => verdict(&mutants, &results),
            Err(why) => End::Failed(why),
        },
    }
}

type Tried = (Outcome, Duration);

fn verdict(mutants: &[Mutant], results: &[Tried]) -> End {
    println!("\n{:<60} {:<20} {:>10}  result", "mutant", "model", "time");
    let mut missed = Vec::new();
    for (mutant, (outcome, time)) in mutants.iter().zip(results) {
        let (name, model, word) = (mutant.name, mutant.model, outcome.word());
        println!("{name:<60} {model:<20} {:>10}  {word}", lasted(*time));
        if !outcome.is_caught(mutant) {
            println!("{:<60} breaks {}", "", mutant.breaks);
            missed.push(name);
        }
    }
    match missed.len() {
        0 => End::Good,
        count => End::Failed(format!("{count} not caught: {}", missed.join(", "))),
    }
}

/// Tries mutants one after the other, in a copy of the tree.
fn try_all(context: &Context, mutants: &[Mutant], limit: Duration) -> Result<Vec<Tried>, String> {
    let home = context.target.join("mutants");
    let logs = home.join("logs");
    tree::fresh(&logs)?;
    let copied = tree::copied(context, &home)?;
    baseline(&copied, mutants, &logs, limit)?;
    let mut results = Vec::with_capacity(mutants.len());
    for (at, mutant) in mutants.iter().enumerate() {
        println!("\n==> {}/{} {} ({})", at + 1, mutants.len(), mutant.name, mutant.model);
        let began = Instant::now();
        let log = logs.join(format!("{:02}_{}.log", at + 1, mutant.model.replace("::", ".")));
        let outcome = try_one(&copied, mutant, &log, limit)?;
        println!("<== {}; its output: {}", outcome.word(), context.shown(&log));
        results.push((outcome, began.elapsed()));
    }
    Ok(results)
}

/// The models must pass before anything is broken.
fn baseline(context: &Context, mutants: &[Mutant], logs: &Path, limit: Duration) -> Result<(), String> {
    let names: BTreeSet<&str> = mutants.iter().map(Mutant::file_of_model).collect();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    println!("==> unbroken: {}", names.join(", "));
    for model in loom::build(context, &names)? {
        let log = logs.join(format!("00_{}.log", model.name));
        let outcome = watch(context, &model, &log, limit)?;
        if outcome != Outcome::Survived {
            let (name, word) = (&model.name, outcome.word());
            return Err(format!("{name} does not pass unbroken: {word}; see {}", log.display()));
        }
    }
    Ok(())
}

/// Puts a mutant in, runs its model, takes it out. An error means that the copy is spoilt.
fn try_one(copied: &Context, mutant: &Mutant, log: &Path, limit: Duration) -> Result<Outcome, String> {
    let run = || match loom::build(copied, &[mutant.model.to_owned()]) {
        Ok(models) => watch(copied, &models[0], log, limit),
        Err(why) => Ok(Outcome::NoMutant(why)),
    };
    tree::while_changed(copied, mutant.file, |source| mutant.apply(source), run)?
        .unwrap_or_else(|why| Ok(Outcome::NoMutant(why)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Scratch;

    const MANIFEST: &str = "[workspace]\n[package]\nname = \"small\"\nedition = \"2021\"\n\
        [profile.models]\ninherits = \"release\"\n[lints.rust]\nunexpected_cfgs = \"allow\"\n";
    const LIB: &str = "pub fn two() -> u32 { 2 }\npub fn stop() -> bool { true }\n";
    const MODEL: &str = "#![cfg(ringbus_loom)]\n#[test]\nfn model() {\n    \
        while !small::stop() { std::hint::spin_loop() }\n    \
        assert!(small::two() > 1);\n    println!(\"3 iterations\");\n}\n";

    fn mutant(name: &'static str, find: &'static str, replace: &'static str) -> Mutant {
        let (model, file, breaks) = ("small", "src/lib.rs", "P1: nothing");
        Mutant { name, model, file, find, replace, breaks, hangs: name.starts_with("hangs") }
    }

    fn project(name: &str, model: &str) -> (Scratch, Context) {
        let scratch = Scratch::new(name);
        scratch.write(&[
            ("Cargo.toml", MANIFEST),
            ("src/lib.rs", LIB),
            ("tests/loom/main.rs", "#![cfg(ringbus_loom)]\nmod small;\n"),
            ("tests/loom/small.rs", model),
        ]);
        let context = Context::at(scratch.0.clone(), scratch.0.join("out")).expect("context");
        (scratch, context)
    }

    #[test]
    fn each_outcome_is_told_apart() {
        let (scratch, context) = project("mutate", MODEL);
        let mutants = [
            mutant("caught", "{ 2 }", "{ 1 }"),
            mutant("survives", "{ 2 }", "{ 3 }"),
            mutant("hangs", "true", "false"),
            mutant("waits", "true", "false"),
            mutant("does not compile", "{ 2 }", "{ two }"),
            mutant("is not there", "{ 4 }", "{ 5 }"),
            mutant("crashes", "{ 2 }", "{ std::process::exit(9) }"),
        ];
        let results = try_all(&context, &mutants, Duration::from_secs(2)).expect("tried");
        let outcomes: Vec<&Outcome> = results.iter().map(|(outcome, _)| outcome).collect();
        assert_eq!(outcomes[..3], [&Outcome::Caught, &Outcome::Survived, &Outcome::Timeout]);
        assert_eq!(*outcomes[3], Outcome::Timeout);
        assert!(matches!(outcomes[4], Outcome::NoMutant(why) if why.contains("exit code 101")));
        assert!(matches!(outcomes[5], Outcome::NoMutant(why) if why.contains("0 times")));
        assert_eq!(*outcomes[6], Outcome::Crashed("exit code 9".to_owned()));
        let caught: Vec<bool> = mutants.iter().zip(&outcomes).map(|(m, o)| o.is_caught(m)).collect();
        assert_eq!(caught, [true, false, true, false, false, false, false]);
        let End::Failed(why) = verdict(&mutants, &results) else { panic!("some survived") };
        assert!(why.starts_with("5 not caught: survives, waits"), "{why}");
        assert_eq!(verdict(&mutants[..1], &results[..1]), End::Good);
        for tree in [scratch.0.clone(), scratch.0.join("out/mutants/tree")] {
            assert_eq!(std::fs::read_to_string(tree.join("src/lib.rs")).expect("restored"), LIB);
        }
        assert_eq!(loom::run(&context, None), End::Good);
    }

    #[test]
    fn a_model_that_fails_unbroken_or_holds_nothing_shows_nothing() {
        let one = [mutant("caught", "{ 2 }", "{ 1 }")];
        let (_failing, context) = project("failing", &MODEL.replace("> 1", "> 2"));
        let why = try_all(&context, &one, DEFAULT_LIMIT).expect_err("fails unbroken");
        assert!(why.starts_with("small does not pass unbroken: caught"), "{why}");
        let (_empty, context) = project("holds-nothing", "");
        let why = try_all(&context, &one, DEFAULT_LIMIT).expect_err("no test");
        assert!(why.contains("holds no test"), "{why}");
        let End::Failed(why) = loom::run(&context, None) else { panic!("no test") };
        assert!(why.contains("holds no test"), "{why}");
    }
}
