//! `cargo xtask fuzz`: the targets in `fuzz/`, with libFuzzer.
//!
//! Promises that the corpora which are checked in stay as they are: what a run finds goes to the target folder. A
//! finding fails the run; cargo-fuzz tells where its input lies, and how to try it again.

use std::path::Path;
use std::time::Duration;

use crate::End;
use crate::context::{Context, run as command};
use crate::tools;

/// How long each target runs, unless told otherwise.
pub(crate) const DEFAULT_TIME: Duration = Duration::from_secs(60);

/// The longest input; what targets make of more is cut off by themselves.
const LONGEST: usize = 4096;

/// Runs all targets, or the one named.
pub(crate) fn run(context: &Context, name: Option<&str>, time: Duration) -> End {
    let all = match targets(&context.root) {
        Ok(all) => all,
        Err(why) => return End::Failed(why),
    };
    let chosen: Vec<&String> = all.iter().filter(|target| name.is_none_or(|name| name == *target)).collect();
    match (chosen.is_empty(), name) {
        (true, Some(name)) => End::Usage(format!("there is no target `{name}`; there are: {}", all.join(", "))),
        _ => chosen.into_iter().try_for_each(|target| fuzz(context, target, time)).into(),
    }
}

/// All targets, for the default time.
pub(crate) fn all(context: &Context) -> Result<(), String> {
    targets(&context.root)?.iter().try_for_each(|target| fuzz(context, target, DEFAULT_TIME))
}

fn fuzz(context: &Context, target: &str, time: Duration) -> Result<(), String> {
    let found = context.target.join("fuzz/corpus").join(target);
    std::fs::create_dir_all(&found).map_err(|why| format!("{}: {why}", found.display()))?;
    let mut cargo = tools::FUZZ.cargo(context, &format!("fuzz run {target}"))?;
    // The sanitizers of the stable compiler are hidden behind this.
    cargo.env("RUSTC_BOOTSTRAP", "1").arg(found).arg(format!("fuzz/corpus/{target}")).arg("--");
    cargo.args([format!("-max_total_time={}", time.as_secs()), format!("-max_len={LONGEST}")]);
    command(cargo.args(["-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"]))
}

/// The names of all targets below `root`, in order.
fn targets(root: &Path) -> Result<Vec<String>, String> {
    let folder = root.join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".rs").map(str::to_owned))
        .collect();
    names.sort();
    if names.is_empty() { Err(format!("{} holds no target", folder.display())) } else { Ok(names) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Scratch;

    #[test]
    fn an_unknown_target_is_named_beside_those_that_exist() {
        let scratch = Scratch::new("fuzz-names");
        scratch.write(&[("Cargo.toml", ""), ("fuzz/fuzz_targets/b.rs", ""), ("fuzz/fuzz_targets/a.rs", "")]);
        let context = Context::at(scratch.0.clone(), scratch.0.join("t")).expect("context");
        let End::Usage(why) = run(&context, Some("c"), DEFAULT_TIME) else { panic!("there is no c") };
        assert!(why.contains("`c`") && why.contains("a, b"), "{why}");
    }

    #[test]
    fn no_target_is_an_error() {
        let scratch = Scratch::new("fuzz-none");
        scratch.write(&[("fuzz/fuzz_targets/notes.txt", "")]);
        assert!(targets(&scratch.0).expect_err("none").ends_with("holds no target"));
    }
}
