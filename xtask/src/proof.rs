//! `cargo xtask proof`: the table in `src/docs/proof.md`, promise by promise, made from what exists.
//!
//! 1. Models name their promises (`promise: "P5, P6: …"`), and so do mutations (`breaks: "P6: …"`).
//! 2. Tests bear theirs in their name (`fn p06_…`), or in that of their file (`tests/p06_….rs`), or its first words end with
//!    them (`//! … (P4, P8).`).
//! 3. What shows several promises at once stands in [`BESIDE`].
//!
//! Promises that the table cannot go stale: the file must be exactly what is made here. The numbers of orders that loom
//! has explored are the exception: they come from its last full run, are rounded down, and every full run checks that it
//! has explored at least half as many. (Another compiler may take memory in another order, and so make an address come back
//! where it did not: then models differ a little.)

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::context::Context;
use crate::{loom, mutants};

/// The file, from the root of the project.
const FILE: &str = "src/docs/proof.md";

const PROMISES: [&str; 12] = [
    "Progress",
    "Record, then dispatch",
    "Order",
    "Isolation",
    "Visibility",
    "Unsubscribing",
    "Re-entrancy",
    "Accounting",
    "Bounds",
    "Life cycle",
    "Free when off",
    "Bad input",
];

/// What shows several promises: where it lies, what it is, and which.
const BESIDE: &[(&str, &str, &[usize])] = &[
    ("tests/reference/drive.rs", "reference bus", &[3, 4, 5, 6, 7, 8]),
    ("tests/reference/concurrent.rs", "concurrent histories", &[3, 5, 6, 8]),
    ("stress/src/scenarios/mixed/mod.rs", "stress, 10^7 events", &[3, 4, 5, 6, 7, 8]),
    ("stress/src/scenarios/queues/mod.rs", "stress, handlers with queues", &[3, 5, 6, 7, 8]),
    ("tests/typed_system.rs", "typed system, 28 cases", &[3, 4, 5, 6, 8]),
    ("stress/src/memory.rs", "stress, memory", &[9]),
    ("xtask/src/sanitize.rs", "sanitizers", &[2, 6, 10]),
    ("tests/compile-fail/fail", "compile-fail cases", &[12]),
    ("fuzz/fuzz_targets/pattern.rs", "fuzz: pattern", &[12]),
    ("fuzz/fuzz_targets/kind.rs", "fuzz: kind", &[12]),
    ("fuzz/fuzz_targets/json.rs", "fuzz: json", &[12]),
    ("fuzz/fuzz_targets/builder.rs", "fuzz: builder", &[12]),
    ("fuzz/fuzz_targets/operations.rs", "fuzz: operations", &[3, 5, 6, 7, 8]),
    ("fuzz/fuzz_targets/history.rs", "fuzz: history", &[3, 8]),
];

/// How many orders loom has explored of each model.
type Orders = BTreeMap<String, u64>;

// === the commands ===

/// The file must be what is made of the source.
pub(crate) fn check(context: &Context) -> Result<(), String> {
    let there = read(&context.root.join(FILE))?;
    let made = table(&context.root, &orders_in(&there))?;
    match there.lines().zip(made.lines()).position(|(there, made)| there != made) {
        None if there == made => Ok(()),
        at => {
            let line = at.unwrap_or_else(|| there.lines().count().min(made.lines().count()));
            let made = made.lines().nth(line).unwrap_or("nothing");
            Err(format!("{FILE}:{} is stale (`cargo xtask proof --write`); it should be\n{made}", line + 1))
        }
    }
}

/// Writes the file, with the numbers of loom's last full run, or with those that it has.
pub(crate) fn write(context: &Context) -> Result<(), String> {
    let path = context.root.join(FILE);
    let mut orders = orders_in(&fs::read_to_string(&path).unwrap_or_default());
    let run = fs::read_to_string(log(context)).unwrap_or_default();
    orders.extend(run.lines().filter_map(|line| {
        let (model, count) = line.split_once(' ')?;
        Some((model.to_owned(), rounded(count.parse().ok()?)))
    }));
    fs::write(&path, table(&context.root, &orders)?).map_err(|why| format!("{FILE}: {why}"))
}

/// After a full run: the numbers that it reached are kept, and must be no less than half the table's.
pub(crate) fn explored(context: &Context, reached: &Orders) -> Result<(), String> {
    let text = reached.iter().fold(String::new(), |text, (model, count)| format!("{text}{model} {count}\n"));
    let log = log(context);
    fs::write(&log, text).map_err(|why| format!("{}: {why}", log.display()))?;
    let Ok(there) = fs::read_to_string(context.root.join(FILE)) else { return Ok(()) };
    for (model, least) in orders_in(&there) {
        let count = reached.get(&model).copied().unwrap_or_default();
        if count < least.div_ceil(2) {
            return Err(format!("{model} explored {count} orders; {FILE} says about {least}"));
        }
    }
    Ok(())
}

fn log(context: &Context) -> std::path::PathBuf {
    context.target.join("loom").join("orders.txt")
}

// === the table ===

fn table(root: &Path, orders: &Orders) -> Result<String, String> {
    let models = models(root)?;
    let mut tests = BTreeMap::new();
    for folder in ["src", "tests"] {
        count_tests(root, &root.join(folder), &mut tests)?;
    }
    for (path, ..) in BESIDE {
        if !root.join(path).exists() {
            return Err(format!("there is no {path}"));
        }
    }
    let mut text = String::from(
        "<!-- Made by `cargo xtask proof --write`; `cargo xtask test` fails when it is stale. -->\n\n\
         | promise | models, and how many orders of steps each explores, about | mutations | tests | beside them |\n\
         |---|---|---|---|---|\n",
    );
    for (at, name) in PROMISES.iter().enumerate() {
        let promise = at + 1;
        let models = models.iter().filter(|(_, promises)| promises.contains(&promise)).map(|(model, _)| {
            let count = orders.get(model).map_or("?".to_owned(), u64::to_string);
            format!("`{model}` {count}")
        });
        let models: Vec<String> = models.collect();
        let mutations = mutants::all().filter(|mutant| promises_in(mutant.breaks).contains(&promise)).count();
        let tests = tests.iter().filter(|((of, _), _)| *of == promise);
        let tests: Vec<String> = tests.map(|((_, file), count)| format!("`{file}` {count}")).collect();
        let beside = BESIDE.iter().filter(|(.., promises)| promises.contains(&promise));
        let beside: Vec<&str> = beside.map(|(_, what, _)| *what).collect();
        let (models, tests, beside) = (cell(&models), cell(&tests), beside.join(", "));
        let _ = writeln!(text, "| P{promise} {name} | {models} | {mutations} | {tests} | {beside} |");
    }
    Ok(text)
}

fn cell(parts: &[String]) -> String {
    parts.join(", ")
}

/// Each model with the promises that its tests name.
fn models(root: &Path) -> Result<Vec<(String, BTreeSet<usize>)>, String> {
    let model = |name: String| {
        let text = read(&root.join("tests/loom").join(format!("{name}.rs")))?;
        let named =
            text.split("promise: \"").skip(1).map(|rest| promises_in(rest.split('"').next().unwrap_or_default()));
        let mut all = BTreeSet::new();
        for promises in named {
            if promises.is_empty() {
                return Err(format!("a model in tests/loom/{name}.rs names no promise"));
            }
            all.extend(promises);
        }
        Ok((name, all))
    };
    loom::names(root)?.into_iter().map(model).collect()
}

/// `P2, P8: …` names 2 and 8.
fn promises_in(text: &str) -> BTreeSet<usize> {
    let named = text.split(':').next().unwrap_or_default();
    named.split(',').filter_map(|word| word.trim().strip_prefix('P')?.parse().ok()).collect()
}

/// Counts tests by promise and file.
fn count_tests(root: &Path, folder: &Path, tests: &mut BTreeMap<(usize, String), usize>) -> Result<(), String> {
    let said = |why: std::io::Error| format!("{}: {why}", folder.display());
    for entry in fs::read_dir(folder).map_err(said)? {
        let entry = entry.map_err(said)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(said)?);
        if kind.is_dir() {
            count_tests(root, &path, tests)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let short = path.strip_prefix(root).unwrap_or(&path).with_extension("");
            let short = short.to_string_lossy().replace('\\', "/");
            let short = short.strip_prefix("tests/").unwrap_or(&short).to_owned();
            let source = read(&path)?;
            let all = promise_in(&short).map_or_else(|| promises_of_file(&source), |one| BTreeSet::from([one]));
            for promise in promises_of_tests(&source, &all) {
                *tests.entry((promise, short.clone())).or_default() += 1;
            }
        }
    }
    Ok(())
}

/// `//! What it is about (P4, P8).` names 4 and 8, for all tests in the file.
fn promises_of_file(source: &str) -> BTreeSet<usize> {
    let head: Vec<&str> = source.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let head = head.join(" ");
    let named = head.trim_end().strip_suffix(").").and_then(|head| head.rsplit_once('('));
    named.map(|(_, named)| promises_in(named)).unwrap_or_default()
}

/// The promises of all functions in a source that bear one; and of the other tests there, `all`.
fn promises_of_tests(source: &str, all: &BTreeSet<usize>) -> Vec<usize> {
    let mut is_test = false;
    let mut found = Vec::new();
    for line in source.lines().map(str::trim_start) {
        if line == "#[test]" || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(name) = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ") {
            match promise_in(name) {
                Some(own) => found.push(own),
                None if is_test => found.extend(all),
                None => {}
            }
            is_test = false;
        }
    }
    found
}

/// `p06_close_…` is of promise 6.
fn promise_in(name: &str) -> Option<usize> {
    let (number, _) = name.strip_prefix('p')?.split_once('_')?;
    number.parse().ok().filter(|number| (1..=PROMISES.len()).contains(number))
}

// === the numbers ===

/// The numbers in a table.
fn orders_in(table: &str) -> Orders {
    let rows = table.lines().filter(|line| line.starts_with("| P"));
    let cells = rows.filter_map(|row| row.split(" | ").nth(1));
    cells.flat_map(|cell| cell.split(", ")).filter_map(order_in).collect()
}

/// `` `inbox` 2000 ``
fn order_in(part: &str) -> Option<(String, u64)> {
    let (model, count) = part.strip_prefix('`')?.split_once("` ")?;
    Some((model.to_owned(), count.parse().ok()?))
}

/// Down to one digit that counts: a compiler may order things a little differently.
fn rounded(count: u64) -> u64 {
    let mut unit = 1;
    while count / unit >= 10 {
        unit *= 10;
    }
    count / unit * unit
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises_are_found_where_they_are_named() {
        assert_eq!(promises_in("P2, P8: cursor"), BTreeSet::from([2, 8]));
        assert_eq!(promises_in("P12"), BTreeSet::from([12]));
        assert!(promises_in("replay: P5").is_empty());
        assert_eq!(promise_in("p06_close() {"), Some(6));
        assert_eq!([promise_in("p06() {"), promise_in("path_of(x)"), promise_in("p13_x()")], [None; 3]);
        let source = "#[test]\nfn a() {\nfn b() {\n  #[tokio::test(x)]\n  // so\n  async fn c() {\nfn p06_d() {\n#[test]\nfn p13_e() {";
        assert_eq!(promises_of_tests(source, &BTreeSet::new()), [6]);
        assert_eq!(promises_of_tests(source, &BTreeSet::from([8])), [8, 8, 6, 8]);
        let head = "//! What is lost\n//! is counted (P4,\n//! P8).\n\nuse x; // (P1).";
        assert_eq!(promises_of_file(head), BTreeSet::from([4, 8]));
        assert!(promises_of_file("//! Counted (P4) somewhere.").is_empty());
    }

    #[test]
    fn numbers_come_back_out_of_a_table_and_are_rounded_down() {
        let table = "| P1 Progress | `a` 20, `b_c` 7 | 3 | `x` 4 |  |\n| P2 Record | `d` ? | 0 |  |  |\n";
        let expected = BTreeMap::from([("a".to_owned(), 20), ("b_c".to_owned(), 7)]);
        assert_eq!(orders_in(table), expected);
        assert_eq!([0, 9, 10, 1958, 99_999].map(rounded), [0, 9, 10, 1000, 90_000]);
    }

    #[test]
    fn a_run_that_explored_much_less_than_the_table_says_is_an_error() {
        let scratch = crate::context::Scratch::new("proof");
        let row = "| P1 Progress | `a` 20 | 0 |  |  |\n";
        scratch.write(&[("Cargo.toml", ""), (FILE, row), ("t/loom/x", "")]);
        let context = Context::at(scratch.0.clone(), scratch.0.join("t")).expect("context");
        let reached = |count| BTreeMap::from([("a".to_owned(), count)]);
        assert_eq!(explored(&context, &reached(10)), Ok(()));
        let why = explored(&context, &reached(9)).expect_err("fewer");
        assert!(why.contains("a explored 9 orders") && why.contains("about 20"), "{why}");
        assert!(explored(&context, &Orders::new()).is_err(), "a model that did not run");
    }
}
