//! `cargo xtask bench`: everything that is measured, and the report made of it.
//!
//! 1. [`machine`] says where; the programs of `benches/` and `benches/rivals/` measure and print [`lines`]; [`compile`] (with
//!    [`elf`]) measures call sites when building, `counts` their instructions.
//! 2. All lines are kept in the target folder, so that the report can be made again without measuring (`--again`).
//! 3. [`budget`] judges; [`report`] (with [`parts`] and [`words`]) and [`plots`] (with [`plot`]) make `benches/REPORT.md` and
//!    `benches/plots/`; [`readme`] brings the report's figures into the README.
//!
//! Promises that the report is made of those lines and of `benches/accounts/*.md`, and of nothing else; and an error at the
//! end, after all is written, when a budget is missed without an account, or was not measured.

mod budget;
mod compile;
mod elf;
mod lines;
mod machine;
mod parts;
mod plot;
mod plots;
pub(crate) mod readme;
mod report;
mod words;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::context::{Context, ended, lasted, typed};
use crate::counts;
use lines::Lines;

/// The programs of our own and of the rivals, without options.
const OWN: &str = "bench --features async --bench pairs --";
const RIVALS: &str = "run --release --manifest-path benches/rivals/Cargo.toml --";

/// Measures, unless the last run's lines are to be used again, and writes the report.
pub(crate) fn run(context: &Context, quick: bool, again: bool) -> Result<(), String> {
    let began = Instant::now();
    let home = context.target.join("bench");
    let kept = home.join("lines.tsv");
    let said = |why: std::io::Error| format!("{}: {why}", kept.display());
    if !again {
        fs::create_dir_all(&home).map_err(said)?;
        fs::write(&kept, measured(context, quick)?).map_err(said)?;
    }
    let lines = Lines::parse(&fs::read_to_string(&kept).map_err(said)?)?;
    let faults = written(context, &lines)?;
    println!("\n{} and {} plots, in {}", readme::REPORT, plots::all(&lines).len(), lasted(began.elapsed()));
    for budget in budget::BUDGETS {
        println!("    {:<22} {:?}", budget.id, budget.verdict(&lines));
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(format!("the report is written, and has faults:\n    {}", faults.join("\n    "))),
    }
}

// === measuring ===

fn measured(context: &Context, quick: bool) -> Result<String, String> {
    let mut text = machine::lines(context, quick);
    let options: &[&str] = if quick { &["--quick"] } else { &[] };
    text.push_str(&told(context.cargo(OWN).args(options))?);
    let rivals = context.target.join("rivals");
    text.push_str(&told(context.cargo(RIVALS).args(options).env("CARGO_TARGET_DIR", rivals))?);
    text.push_str(&compile::lines(context, quick)?);
    text.push_str(&counted(&counts::for_report(context)?));
    Ok(text)
}

/// What a program prints; it is shown as it comes.
fn told(command: &mut Command) -> Result<String, String> {
    let line = typed(command);
    println!("    $ {line}");
    let failed = |why: std::io::Error| format!("`{line}`: {why}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut text = String::new();
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines() {
            let line = line.map_err(failed)?;
            println!("    {}", line.replace('\t', "  "));
            text.push_str(&line);
            text.push('\n');
        }
    }
    match child.wait().map_err(failed)? {
        status if status.success() => Ok(text),
        status => Err(format!("`{line}` failed: {}", ended(status))),
    }
}

/// The counts as lines.
fn counted(counts: &[counts::ForReport]) -> String {
    let mut text = String::new();
    let mut most = 0;
    for counts::ForReport { count, limit } in counts {
        let counts::Count { id, what, instructions, allocations } = count;
        text.push_str(&format!("fact\tinstructions-{id}\t{instructions}\t{what}\n"));
        text.push_str(&format!("fact\tallocations-{id}\t{allocations}\t{what}\n"));
        if let Some(limit) = limit {
            text.push_str(&format!("fact\tlimit-{id}\t{limit}\t{what}\n"));
        }
        most = most.max(*allocations);
    }
    text.push_str(&format!("fact\tallocations\t{most}\tthe most of them all\n"));
    text
}

// === writing ===

/// Writes report, plots and README; what is wrong with the figures.
fn written(context: &Context, lines: &Lines) -> Result<Vec<String>, String> {
    let benches = context.root.join("benches");
    let account = |id: &str| fs::read_to_string(benches.join("accounts").join(format!("{id}.md"))).ok();
    let report = report::report(lines, &account);
    let write = |file: &str, text: &str| {
        let path = context.root.join(file);
        fs::write(&path, text).map_err(|why| format!("{}: {why}", path.display()))
    };
    write(readme::REPORT, &report.text)?;
    crate::tree::fresh(&benches.join("plots"))?;
    for (name, plot) in plots::all(lines) {
        write(&format!("benches/plots/{name}.svg"), &plot.svg())?;
    }
    readme::write(context)?;
    Ok(report.faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Scratch;

    #[test]
    fn counts_become_lines_that_the_report_reads() {
        let count = |id: &str, allocations| counts::Count {
            id: id.into(),
            what: "a path".into(),
            instructions: 38,
            allocations,
        };
        let counts = [
            counts::ForReport { count: count("off", 0), limit: Some(40) },
            counts::ForReport { count: count("full-1", 2), limit: None },
        ];
        let lines = Lines::parse(&counted(&counts)).expect("well formed");
        assert_eq!((lines.fact("instructions-off"), lines.fact("limit-off")), (Some(38.0), Some(40.0)));
        assert_eq!((lines.fact("limit-full-1"), lines.fact("allocations")), (None, Some(2.0)));
    }

    #[test]
    fn the_last_runs_lines_make_report_plots_and_readme_anew() {
        let scratch = Scratch::new("bench");
        let readme = format!("# x\n{}\n{}\n", report::BEGIN, report::END);
        let line = "pair\tfull-1\ta full publish\tringbus\tlocked port\t50\t150\t1.5\t1.2\t1.7\t15\n";
        scratch.write(&[
            ("Cargo.toml", ""),
            ("README.md", &readme),
            ("benches/accounts/full-1.md", "We tried.\n"),
            ("benches/plots/gone.svg", "of an older run"),
            ("t/bench/lines.tsv", line),
        ]);
        let context = Context::at(scratch.0.clone(), scratch.0.join("t")).expect("context");
        let why = run(&context, false, true).expect_err("most rows are not measured");
        assert!(why.contains("full-2 was not measured") && !why.contains("full-1"), "{why}");
        let read = |file: &str| fs::read_to_string(scratch.0.join(file)).expect(file);
        assert!(read("benches/REPORT.md").contains("### `full-1` is missed: 1.5 ×, at least 2.5 ×\n\nWe tried.\n"));
        assert!(read("benches/plots/threads.svg").contains("not measured"));
        assert!(!scratch.0.join("benches/plots/gone.svg").exists());
        assert_eq!(readme::check(&context), Ok(()));
        assert!(read("README.md").contains("locked port"));
    }
}
