//! `cargo xtask loom`: the models in `tests/loom_*.rs`, explored by loom.
//!
//! Promises that each model really ran: one that holds no test under `--cfg ringbus_loom` is an
//! error, not a success. Built in a folder of its own, since that cfg changes every crate.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::End;
use crate::context::{Context, ended, lasted, output, typed};
use crate::mutants;

/// The cfg under which `src/sync` is built on loom and the models hold tests.
const CFG: &str = "--cfg ringbus_loom";

/// A model, built.
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
}

// === the command ===

/// Runs all models, or the one named (`loom_slot`, or `slot` for short).
pub(crate) fn run(context: &Context, name: Option<&str>) -> End {
    let names = match chosen(context, name) {
        Ok(names) => names,
        Err(why) => return End::Usage(why),
    };
    match models(context, &names) {
        Ok(()) => End::Good,
        Err(why) => End::Failed(why),
    }
}

/// The models and the mutants, for people.
pub(crate) fn list(context: &Context) -> Result<String, String> {
    let mut text = String::from("models:\n");
    for name in names(&context.root)? {
        let _ = writeln!(text, "  {name}");
    }
    text.push_str("mutants:\n");
    for mutant in mutants::all() {
        let _ = writeln!(text, "  {:<34} {:<16} {}", mutant.name, mutant.model, mutant.breaks);
    }
    Ok(text)
}

fn models(context: &Context, names: &[String]) -> Result<(), String> {
    let mut failed = Vec::new();
    let mut rows = String::new();
    for model in build(context, names)? {
        println!("--- {}", model.name);
        let began = Instant::now();
        let result = watch(start(context, &model).stdout(Stdio::piped()));
        let time = lasted(began.elapsed());
        let word = if result.is_ok() { "passed" } else { "FAILED" };
        let _ = writeln!(rows, "    {:<24} {word:<8} {time:>12}", model.name);
        if let Err(why) = result {
            failed.push(format!("{}: {why}", model.name));
        }
    }
    print!("{rows}");
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

/// Runs a model, showing its own lines; it must hold a test and pass.
fn watch(command: &mut Command) -> Result<(), String> {
    let line = typed(command);
    let mut child = command.spawn().map_err(|why| format!("`{line}` did not start: {why}"))?;
    let mut empty = false;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            empty |= line == "running 0 tests";
            println!("    {line}");
        }
    }
    let status = child.wait().map_err(|why| format!("`{line}` was lost: {why}"))?;
    match status.success() {
        true if empty => Err(format!("`{line}` holds no test under {CFG}")),
        true => Ok(()),
        false => Err(format!("`{line}` failed: {}", ended(status))),
    }
}

// === the models ===

/// The names of all models below `root`, in order.
pub(crate) fn names(root: &Path) -> Result<Vec<String>, String> {
    let folder = root.join("tests");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| name.starts_with("loom_"))
        .collect();
    names.sort();
    match names.is_empty() {
        true => Err(format!("{} holds no loom_*.rs", folder.display())),
        false => Ok(names),
    }
}

fn chosen(context: &Context, name: Option<&str>) -> Result<Vec<String>, String> {
    let all = names(&context.root)?;
    let Some(name) = name else { return Ok(all) };
    let long = format!("loom_{name}");
    match all.iter().find(|known| **known == name || **known == long) {
        Some(known) => Ok(vec![known.clone()]),
        None => Err(format!("there is no model `{name}`; there are: {}", all.join(", "))),
    }
}

/// Builds models, in the order of their names.
pub(crate) fn build(context: &Context, names: &[String]) -> Result<Vec<Model>, String> {
    let mut cargo = context.cargo("test --release --no-run --message-format=json-render-diagnostics");
    cargo.args(["--features", ""]).env("RUSTFLAGS", flags(std::env::var("RUSTFLAGS").ok()));
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env("CARGO_TARGET_DIR", context.target.join("loom"));
    for name in names {
        cargo.args(["--test", name]);
    }
    let messages = output(&mut cargo)?;
    let program = |name: &String| match program(&messages, name) {
        Some(program) => Ok(Model { name: name.clone(), program }),
        None => Err(format!("`{}` did not build {name}", typed(&cargo))),
    };
    names.iter().map(program).collect()
}

fn flags(given: Option<String>) -> String {
    match given {
        Some(given) if !given.trim().is_empty() => format!("{given} {CFG}"),
        _ => CFG.to_owned(),
    }
}

/// The command that runs a model, in the folder and with the variables that cargo would give it.
pub(crate) fn start(context: &Context, model: &Model) -> Command {
    let mut command = Command::new(&model.program);
    command.arg("--nocapture").current_dir(&context.root);
    command.env("CARGO_MANIFEST_DIR", &context.root);
    command
}

/// The program that cargo's messages (JSON, one a line) name for the test `name`.
fn program(messages: &str, name: &str) -> Option<PathBuf> {
    let target = format!("\"name\":\"{name}\"");
    messages
        .lines()
        .filter(|line| line.contains("\"reason\":\"compiler-artifact\"") && line.contains(&target))
        .find_map(|line| text_after(line, "\"executable\":\""))
        .map(PathBuf::from)
}

/// The JSON string that follows `key`, without its escapes. Paths need no other escapes than these.
fn text_after(line: &str, key: &str) -> Option<String> {
    let rest = &line[line.find(key)? + key.len()..];
    let mut text = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => text.push(chars.next()?),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Scratch;

    #[test]
    fn a_model_is_chosen_by_its_long_or_short_name() {
        let scratch = Scratch::new("loom-names");
        scratch.write(&[("Cargo.toml", ""), ("tests/loom_b.rs", ""), ("tests/loom_a.rs", "")]);
        scratch.write(&[("tests/other.rs", ""), ("tests/loom_data.txt", "")]);
        let context = Context::at(scratch.0.clone(), scratch.0.join("t")).expect("context");
        assert_eq!(chosen(&context, None), Ok(vec!["loom_a".into(), "loom_b".into()]));
        assert_eq!(chosen(&context, Some("b")), Ok(vec!["loom_b".into()]));
        assert_eq!(chosen(&context, Some("loom_a")), Ok(vec!["loom_a".into()]));
        let why = chosen(&context, Some("c")).expect_err("absent");
        assert!(why.contains("`c`") && why.contains("loom_a, loom_b"), "{why}");
    }

    #[test]
    fn no_model_is_an_error() {
        let scratch = Scratch::new("loom-none");
        scratch.write(&[("tests/other.rs", "")]);
        assert!(names(&scratch.0).expect_err("none").ends_with("holds no loom_*.rs"));
    }

    #[test]
    fn the_program_is_read_from_the_messages_of_cargo() {
        let messages = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"loom_ab\"},\"executable\":\"/x\"}\n\
            {\"reason\":\"build-script-executed\",\"name\":\"loom_a\"}\n\
            {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"loom_a\"},\"executable\":\"C:\\\\t\\\\a.exe\"}";
        assert_eq!(program(messages, "loom_a"), Some(PathBuf::from("C:\\t\\a.exe")));
        assert_eq!(program(messages, "loom_c"), None);
    }

    #[test]
    fn flags_of_the_user_are_kept() {
        assert_eq!(flags(None), "--cfg ringbus_loom");
        assert_eq!(flags(Some("-g".into())), "-g --cfg ringbus_loom");
    }
}
