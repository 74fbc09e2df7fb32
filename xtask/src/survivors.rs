//! `cargo xtask mutants`: cargo-mutants, by the configurations in `.cargo`: one for each part of the crate that has tests
//! of its own.
//!
//! Promises that a mutant which no test notices is a failure, unless its configuration says why it may live. What was
//! tried is told in `target/survivors/<part>/mutants.out`.

use crate::End;
use crate::context::{Context, run_to};
use crate::tools;

/// A part of the crate, and what its mutants are made by.
struct Part {
    name: &'static str,
    config: &'static str,
}

const PARTS: [Part; 2] = [
    Part { name: "core", config: ".cargo/mutants.toml" },
    Part { name: "queues", config: ".cargo/mutants-queues.toml" },
];

/// What cargo-mutants ends with where all were noticed, some of them because a test never ended.
const TIMED_OUT: i32 = 3;

/// All parts, or the one that the first argument names; what follows it is for cargo-mutants.
pub(crate) fn run(context: &Context, args: &[String]) -> End {
    let Some((name, rest)) = args.split_first() else { return all(context).into() };
    match PARTS.iter().find(|part| part.name == name) {
        Some(part) => part.run(context, rest).into(),
        None => End::Usage(format!("there is no part `{name}`; there are: core, queues")),
    }
}

/// All parts; a part that fails does not keep the next one from being run.
pub(crate) fn all(context: &Context) -> Result<(), String> {
    let failed: Vec<String> = PARTS.iter().filter_map(|part| part.run(context, &[]).err()).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

// === impl Part ===

impl Part {
    /// Two at a time: a test that waits leaves a core to another.
    fn run(&self, context: &Context, args: &[String]) -> Result<(), String> {
        let mut cargo = tools::MUTANTS.cargo(context, "mutants --jobs 2 --timeout 90 --build-timeout 300 --config")?;
        let output = context.target.join("survivors").join(self.name);
        std::fs::create_dir_all(&output).map_err(|why| format!("{}: {why}", output.display()))?;
        // Cases enough for what one mutant changes; the tests proper run more.
        cargo.arg(self.config).arg("--output").arg(output).args(args).env("PROPTEST_CASES", "48");
        run_to(&mut cargo, &[0, TIMED_OUT])
    }
}
