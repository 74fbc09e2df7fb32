//! `cargo xtask loom`: the models in `tests/loom`, one protocol a file, explored by loom.
//!
//! Promises that each model really ran: one that holds no test under `--cfg ringbus_loom` is an
//! error, not a success. Built in a folder of its own, since that cfg changes every crate.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::End;
use crate::context::{Context, ended, lasted, output, typed};
use crate::{mutants, proof};

/// The cfg under which `src/sync` is built on loom and the models hold tests.
const CFG: &str = "--cfg ringbus_loom";

/// The program that all models are built into.
const PROGRAM: &str = "loom";

/// Variables that would make the models explore less, or otherwise: what they are to explore stands in them.
const OTHERS: [&str; 7] = [
    "LOOM_CHECKPOINT_FILE",
    "LOOM_CHECKPOINT_INTERVAL",
    "LOOM_MAX_BRANCHES",
    "LOOM_MAX_DURATION",
    "LOOM_MAX_PERMUTATIONS",
    "LOOM_MAX_PREEMPTIONS",
    "RUST_TEST_THREADS",
];

/// A model, built: a file of `tests/loom`, which is a module of the program.
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    /// The tests in it, by their full names.
    tests: Vec<String>,
}

// === the command ===

/// Runs all models, or the one named.
pub(crate) fn run(context: &Context, name: Option<&str>) -> End {
    let names = match chosen(context, name) {
        Ok(names) => names,
        Err(why) => return End::Usage(why),
    };
    let explored = models(context, &names);
    explored.and_then(|orders| if name.is_none() { proof::explored(context, &orders) } else { Ok(()) }).into()
}

/// The models and the mutants, for people.
pub(crate) fn list(context: &Context) -> Result<String, String> {
    let mut text = String::from("models:\n");
    for name in names(&context.root)? {
        let _ = writeln!(text, "  {name}");
    }
    text.push_str("mutants:\n");
    for mutant in mutants::all() {
        let _ = writeln!(text, "  {:<60} {:<20} {}", mutant.name, mutant.model, mutant.breaks);
    }
    Ok(text)
}

/// Runs models; how many orders of steps each has explored.
fn models(context: &Context, names: &[String]) -> Result<BTreeMap<String, u64>, String> {
    let mut failed = Vec::new();
    let mut rows = String::new();
    let mut orders = BTreeMap::new();
    for model in build(context, names)? {
        println!("--- {}", model.name);
        let began = Instant::now();
        let result = watch(start(context, &model).stdout(Stdio::piped()));
        let time = lasted(began.elapsed());
        let word = if result.is_ok() { "passed" } else { "FAILED" };
        let _ = writeln!(rows, "    {:<24} {word:<8} {time:>12}", model.name);
        match result {
            Ok(count) => drop(orders.insert(model.name, count)),
            Err(why) => failed.push(format!("{}: {why}", model.name)),
        }
    }
    print!("{rows}");
    if failed.is_empty() { Ok(orders) } else { Err(failed.join("; ")) }
}

/// Runs a model, showing its own lines; how many orders it has explored.
fn watch(command: &mut Command) -> Result<u64, String> {
    let line = typed(command);
    let mut child = command.spawn().map_err(|why| format!("`{line}` did not start: {why}"))?;
    let mut orders = 0;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            orders += orders_in(&line).unwrap_or_default();
            // Panics go to the standard error, which is ours.
            if let Some(told) =
                told(&line).or_else(|| Some(&*line).filter(|line| line.starts_with("test result: FAILED")))
            {
                println!("    {told}");
            }
        }
    }
    let status = child.wait().map_err(|why| format!("`{line}` was lost: {why}"))?;
    if status.success() { Ok(orders) } else { Err(format!("`{line}` failed: {}", ended(status))) }
}

/// What a model tells: `model inbox::a_test: P8: 12 iterations, exhaustive`. With one thread for all tests, libtest has
/// begun the line: `test inbox::a_test ... `.
fn told(line: &str) -> Option<&str> {
    let at = if line.starts_with("model ") { 0 } else { line.find(" model ")? + 1 };
    Some(&line[at..])
}

fn orders_in(line: &str) -> Option<u64> {
    let (before, _) = told(line)?.split_once(" iterations")?;
    before.rsplit(' ').next()?.parse().ok()
}

// === the models ===

/// The names of all models below `root`, in order.
pub(crate) fn names(root: &Path) -> Result<Vec<String>, String> {
    let folder = root.join("tests").join(PROGRAM);
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|file| file.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| name != "main")
        .collect();
    names.sort();
    match names.is_empty() {
        true => Err(format!("{} holds no model", folder.display())),
        false => Ok(names),
    }
}

fn chosen(context: &Context, name: Option<&str>) -> Result<Vec<String>, String> {
    let all = names(&context.root)?;
    let Some(name) = name else { return Ok(all) };
    match all.iter().find(|known| **known == name) {
        Some(known) => Ok(vec![known.clone()]),
        None => Err(format!("there is no model `{name}`; there are: {}", all.join(", "))),
    }
}

/// Builds the models, and finds the tests of those named. A model without a test is an error: it shows nothing.
pub(crate) fn build(context: &Context, names: &[String]) -> Result<Vec<Model>, String> {
    let mut cargo = context.cargo("test --profile models --no-run --message-format=json-render-diagnostics");
    cargo.args(["--features", "", "--test", PROGRAM]).env("RUSTFLAGS", flags(std::env::var("RUSTFLAGS").ok()));
    cargo.env_remove("CARGO_ENCODED_RUSTFLAGS").env("CARGO_TARGET_DIR", context.target.join("loom"));
    let messages = output(&mut cargo)?;
    let program = program(&messages, PROGRAM).ok_or_else(|| format!("`{}` built no program", typed(&cargo)))?;
    let tests = output(Command::new(&program).args(["--list", "--format", "terse"]))?;
    let model = |name: &String| match tests_of(name, &tests) {
        tests if tests.is_empty() => Err(format!("the model {name} holds no test under {CFG}; is it in main.rs?")),
        tests => Ok(Model { name: name.clone(), program: program.clone(), tests }),
    };
    names.iter().map(model).collect()
}

/// The tests in the module `name`, or the one test of that name, of a list as the test program prints it:
/// `module::test: test`.
fn tests_of(name: &str, list: &str) -> Vec<String> {
    let inside = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with("::") || rest == ": test");
    list.lines().filter(inside).filter_map(|line| Some(line.strip_suffix(": test")?.to_owned())).collect()
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
    command.args(["--nocapture", "--exact"]).args(&model.tests).current_dir(&context.root);
    command.env("CARGO_MANIFEST_DIR", &context.root);
    for name in OTHERS {
        command.env_remove(name);
    }
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
    fn a_model_is_chosen_by_its_name() {
        let scratch = Scratch::new("loom-names");
        scratch.write(&[
            ("Cargo.toml", ""),
            ("tests/loom/main.rs", ""),
            ("tests/loom/b.rs", ""),
            ("tests/loom/a.rs", ""),
        ]);
        scratch.write(&[("tests/other.rs", ""), ("tests/loom/support/mod.rs", "")]);
        let context = Context::at(scratch.0.clone(), scratch.0.join("t")).expect("context");
        assert_eq!(chosen(&context, None), Ok(vec!["a".into(), "b".into()]));
        assert_eq!(chosen(&context, Some("b")), Ok(vec!["b".into()]));
        let why = chosen(&context, Some("c")).expect_err("absent");
        assert!(why.contains("`c`") && why.contains("a, b"), "{why}");
    }

    #[test]
    fn no_model_is_an_error() {
        let scratch = Scratch::new("loom-none");
        scratch.write(&[("tests/loom/main.rs", "")]);
        assert!(names(&scratch.0).expect_err("none").ends_with("holds no model"));
    }

    #[test]
    fn the_tests_of_a_model_are_those_of_its_module() {
        let list = "a::one: test\nb_a::two: test\na::three: test\na_b::four: test\na::five: benchmark\n";
        assert_eq!(tests_of("a", list), ["a::one", "a::three"]);
        assert_eq!(tests_of("a::three", list), ["a::three"]);
        assert!(tests_of("a::thr", list).is_empty());
        assert!(tests_of("c", list).is_empty());
    }

    #[test]
    fn the_orders_are_read_from_a_models_line() {
        assert_eq!(orders_in("model a::b: P8: it counts: 12 iterations, exhaustive"), Some(12));
        assert_eq!(orders_in("test a::b ... model a::b: P8: 12 iterations, exhaustive"), Some(12));
        assert_eq!(orders_in("test a::b ... ok"), None);
    }

    #[test]
    fn a_model_is_told_by_itself_alone_how_much_to_explore() {
        let scratch = Scratch::new("loom-start");
        scratch.write(&[("Cargo.toml", "")]);
        let context = Context::at(scratch.0.clone(), scratch.0.join("t")).expect("context");
        let model = Model { name: "a".into(), program: "/x/loom".into(), tests: vec!["a::b".into()] };
        let command = start(&context, &model);
        let removed: Vec<_> = command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert_eq!(removed, OTHERS);
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
