//! `cargo xtask test`: everything that must hold before a commit, in order, cheap steps first.
//!
//! Promises: what passes here passes wherever the same compiler does; nothing is set up by hand.
//! Refuses to go on after a failure: later steps build on earlier ones.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::End;
use crate::context::{Context, output, run as command};
use crate::step::{Report, Step};

/// The most packages that the bare build may consist of, the crate itself included.
const BUDGET: usize = 20;

const STEPS: &[Step] = &[
    Step { name: "fmt", shows: "the source is formatted", work: fmt },
    Step { name: "rooms", shows: "who may know whom; unsafe; file lengths", work: rooms },
    Step { name: "clippy", shows: "no warning, with all features and with none", work: clippy },
    Step { name: "docs", shows: "the documentation builds without a warning", work: docs },
    Step { name: "budget", shows: "the bare build has at most 20 packages", work: budget },
    Step { name: "bare", shows: "tests without features", work: bare },
    Step { name: "features", shows: "tests with derive, serde and inject, real table", work: features },
    Step { name: "reference", shows: "tests with all features, lock-based table", work: reference },
    Step { name: "compile-fail", shows: "what must not compile, and its twins", work: compile_fail },
    Step { name: "loom", shows: "the models of the protocols", work: loom },
    Step { name: "bench", shows: "each benchmark runs once", work: bench },
];

/// The crate of compile-fail tests: no member of the workspace, so that it slows nobody's build.
const COMPILE_FAIL: &str = "tests/compile-fail/Cargo.toml";

// === the command ===

/// Runs all steps, or only those named.
pub(crate) fn run(context: &Context, only: &[String]) -> End {
    let steps = match chosen(only) {
        Ok(steps) => steps,
        Err(why) => return End::Usage(why),
    };
    let report = Report::of(&steps, context);
    println!("\n{report}");
    if report.passed() { End::Good } else { End::Failed(String::new()) }
}

/// The steps, one a line.
pub(crate) fn list() -> String {
    STEPS.iter().fold(String::new(), |mut text, step| {
        let _ = writeln!(text, "{:<14} {}", step.name, step.shows);
        text
    })
}

fn chosen(only: &[String]) -> Result<Vec<&'static Step>, String> {
    if let Some(name) = only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        return Err(format!("there is no step `{name}`; there are:\n{}", list()));
    }
    let wanted = |step: &&Step| only.is_empty() || only.iter().any(|name| name == step.name);
    Ok(STEPS.iter().filter(wanted).collect())
}

// === the steps ===

fn fmt(context: &Context) -> Result<(), String> {
    command(&mut context.cargo("fmt --all --check"))?;
    command(&mut context.cargo(&format!("fmt --manifest-path {COMPILE_FAIL} --check")))
}

fn rooms(context: &Context) -> Result<(), String> {
    crate::rooms::check(context)
}

fn clippy(context: &Context) -> Result<(), String> {
    for features in ["--all-features", "--no-default-features"] {
        let args = format!("clippy --workspace --all-targets {features} -- -D warnings");
        command(&mut context.cargo(&args))?;
    }
    Ok(())
}

fn docs(context: &Context) -> Result<(), String> {
    let mut doc = context.cargo("doc --no-deps --all-features");
    command(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

fn budget(context: &Context) -> Result<(), String> {
    let tree = output(&mut context.cargo("tree -e normal --prefix none"))?;
    let packages = packages(&tree);
    println!("    {} packages, {BUDGET} allowed", packages.len());
    if (1..=BUDGET).contains(&packages.len()) {
        return Ok(());
    }
    let names: Vec<&str> = packages.into_iter().collect();
    Err(format!("{} packages, {BUDGET} allowed: {}", names.len(), names.join(", ")))
}

/// The packages of a `cargo tree` without indentation, each once: `name version`.
fn packages(tree: &str) -> BTreeSet<&str> {
    tree.lines().filter_map(name_and_version).collect()
}

/// `serde_derive v1.0.1 (proc-macro) (*)` is `serde_derive v1.0.1`.
fn name_and_version(line: &str) -> Option<&str> {
    let line = line.trim();
    let name = line.find(' ')?;
    let version = line[name + 1..].find(' ').map_or(line.len(), |end| name + 1 + end);
    Some(&line[..version])
}

fn bare(context: &Context) -> Result<(), String> {
    command(&mut context.cargo("test --workspace"))
}

// The commands of xtask have no features: they are tested once, above.
fn features(context: &Context) -> Result<(), String> {
    command(&mut context.cargo("test --workspace --exclude xtask --features derive,serde,inject"))
}

fn reference(context: &Context) -> Result<(), String> {
    command(&mut context.cargo("test --workspace --exclude xtask --all-features"))
}

fn compile_fail(context: &Context) -> Result<(), String> {
    let mut test = context.cargo(&format!("test --manifest-path {COMPILE_FAIL}"));
    command(test.env("CARGO_TARGET_DIR", context.target.join("compile-fail")))
}

fn loom(context: &Context) -> Result<(), String> {
    match crate::loom::run(context, None) {
        End::Good => Ok(()),
        End::Failed(why) | End::Usage(why) => Err(why),
    }
}

fn bench(context: &Context) -> Result<(), String> {
    command(&mut context.cargo("bench -- --test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_run_in_the_order_of_the_table_whatever_was_typed() {
        let names = |only: &[&str]| -> Vec<&str> {
            let only: Vec<String> = only.iter().map(|&name| name.to_owned()).collect();
            chosen(&only).expect("known").iter().map(|step| step.name).collect()
        };
        assert_eq!(names(&[]).len(), STEPS.len());
        assert_eq!(names(&["docs", "fmt"]), ["fmt", "docs"]);
    }

    #[test]
    fn an_unknown_step_is_named_beside_those_that_exist() {
        let why = chosen(&["fmt".into(), "lint".into()]).err().expect("unknown");
        assert!(why.contains("`lint`") && why.contains("compile-fail"), "{why}");
    }

    #[test]
    fn names_of_steps_are_different() {
        let names: BTreeSet<&str> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), STEPS.len());
    }

    #[test]
    fn a_package_counts_once_a_version() {
        let tree = "ringbus v0.1.0 (/some/where)\nsyn v2.0.1\nsyn v1.0.9\n\
                    derive v1.2.3 (proc-macro)\nsyn v2.0.1 (*)\n\n";
        let found: Vec<&str> = packages(tree).into_iter().collect();
        assert_eq!(found, ["derive v1.2.3", "ringbus v0.1.0", "syn v1.0.9", "syn v2.0.1"]);
    }
}
