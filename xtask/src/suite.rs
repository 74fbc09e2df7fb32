//! `cargo xtask test`: everything that must hold before a commit, in order, cheap steps first.
//!
//! Promises: what passes here passes wherever the same compiler does; nothing is set up by hand.
//! Refuses to go on after a failure: later steps build on earlier ones.

use std::collections::BTreeSet;
use std::process::Command;

use crate::End;
use crate::context::{Context, output, run as command};
use crate::step::Step;

/// The most packages that the bare build may consist of, the crate itself included.
const BUDGET: usize = 20;

pub(crate) const STEPS: &[Step] = &[
    Step::new("fmt", "the source is formatted", fmt),
    Step::new("rooms", "who may know whom; unsafe; file lengths", rooms),
    Step::new("proof", "the table of what shows each promise is not stale", crate::proof::check),
    Step::new("figures", "the README's figures are those of the benchmarks' report", crate::bench::readme::check),
    Step::new("clippy", "no warning, with all features and with none", clippy),
    Step::new("docs", "the documentation builds without a warning", docs),
    Step::new("budget", "the bare build has at most 20 packages", budget),
    Step::new("bare", "tests without features", bare),
    Step::new("features", "tests with async, derive, serde and inject, real table", features),
    Step::new("reference", "tests with all features, lock-based table", reference),
    Step::new("tables", "the other forms of the table: with the kernel's fence, and ArcSwap's", tables),
    Step::new("compile-fail", "what must not compile, and its twins", compile_fail),
    Step::new("loom", "the models of the protocols", loom),
    Step::new("stress", "10^7 events with delays at any atomic step; queues; memory", crate::stress::short),
    Step::new("hostile", "a program whose panics abort; two copies in one process", hostile),
    Step::new("counts", "instructions of the hot paths are within their limits; no allocation", crate::counts::check)
        .where_installed(crate::counts::possible),
    Step::new("bench", "each benchmark runs once", bench),
];

/// The crate of compile-fail tests: no member of the workspace, so that it slows nobody's build.
const COMPILE_FAIL: &str = "tests/compile-fail/Cargo.toml";

// === the steps ===

fn fmt(context: &Context) -> Result<(), String> {
    command(&mut context.cargo("fmt --all --check"))?;
    for manifest in [
        COMPILE_FAIL,
        "benches/rivals/Cargo.toml",
        crate::counts::MANIFEST,
        crate::stress::MANIFEST,
        "fuzz/Cargo.toml",
        "tests/hostile/Cargo.toml",
        "tests/plugin/Cargo.toml",
    ] {
        command(&mut context.cargo(&format!("fmt --manifest-path {manifest} --all --check")))?;
    }
    Ok(())
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

/// Runs tests as they are: with as many cases as they name, and against the texts that are checked in.
fn tests(mut cargo: Command) -> Result<(), String> {
    command(cargo.env_remove("PROPTEST_CASES").env_remove("TRYBUILD"))
}

fn bare(context: &Context) -> Result<(), String> {
    tests(context.cargo("test --workspace"))
}

// The commands of xtask have no features: they are tested once, above.
fn features(context: &Context) -> Result<(), String> {
    tests(context.cargo("test --workspace --exclude xtask --features async,derive,serde,inject"))
}

fn reference(context: &Context) -> Result<(), String> {
    tests(context.cargo("test --workspace --exclude xtask --all-features"))
}

/// With all features the table is the lock-based one: these are in no step before.
fn tables(context: &Context) -> Result<(), String> {
    for (features, tests) in [
        (
            "async,derive,serde,inject,membarrier",
            &["p06_own_work", "p08_queues", "p10_fork_queues", "p10_fork_under_load"][..],
        ),
        ("inject,arc-swap-table", &[]),
    ] {
        let mut test = context.cargo("test --lib --test promises --test reference --features");
        test.arg(features).args(tests.iter().flat_map(|test| ["--test", test]));
        self::tests(test)?;
    }
    Ok(())
}

fn compile_fail(context: &Context) -> Result<(), String> {
    let mut test = context.cargo(&format!("test --manifest-path {COMPILE_FAIL}"));
    test.env("CARGO_TARGET_DIR", context.target.join("compile-fail"));
    tests(test)
}

fn loom(context: &Context) -> Result<(), String> {
    match crate::loom::run(context, None) {
        End::Good => Ok(()),
        End::Failed(why) | End::Usage(why) => Err(why),
    }
}

fn hostile(context: &Context) -> Result<(), String> {
    for (manifest, program) in
        [("tests/hostile/Cargo.toml", "abort"), ("tests/plugin/Cargo.toml", "ringbus-plugin-host")]
    {
        let target = context.target.join(program);
        command(
            context.cargo(&format!("run --manifest-path {manifest} --bin {program}")).env("CARGO_TARGET_DIR", target),
        )?;
    }
    Ok(())
}

fn bench(context: &Context) -> Result<(), String> {
    command(&mut context.cargo("bench -- --test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_counts_once_a_version() {
        let tree = "ringbus v0.1.0 (/some/where)\nsyn v2.0.1\nsyn v1.0.9\n\
                    derive v1.2.3 (proc-macro)\nsyn v2.0.1 (*)\n\n";
        let found: Vec<&str> = packages(tree).into_iter().collect();
        assert_eq!(found, ["derive v1.2.3", "ringbus v0.1.0", "syn v1.0.9", "syn v2.0.1"]);
    }
}
