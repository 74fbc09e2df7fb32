//! Where and of what the report was measured: lines `machine<tab>what<tab>value`.
//!
//! Promises no failure: what cannot be found out is "unknown".

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::context::Context;

/// The lines.
pub(super) fn lines(context: &Context, quick: bool) -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let (model, cores) = processor(&cpu);
    let read = |path: &str| fs::read_to_string(path).unwrap_or_else(|_| "unknown".to_owned());
    let load = read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ");
    let rows = [
        ("processor", model),
        ("cores", cores),
        ("system", format!("{} {}", read("/proc/sys/kernel/ostype").trim(), read("/proc/sys/kernel/osrelease").trim())),
        ("load before (1, 5, 15 minutes)", load),
        ("compiler", told(Command::new("rustc").arg("--version"))),
        ("commit", commit(&context.root)),
        ("run", if quick { "quick: fewer and shorter pairs" } else { "whole" }.to_owned()),
    ];
    rows.iter().map(|(what, value)| format!("machine\t{what}\t{value}\n")).collect()
}

/// The model that `/proc/cpuinfo` names, and how many there are.
fn processor(cpuinfo: &str) -> (String, String) {
    let named = |name: &'static str| {
        cpuinfo.lines().filter_map(move |line| line.split_once(':').filter(|(key, _)| key.trim() == name))
    };
    let model = named("model name").next().map_or("unknown", |(_, model)| model.trim());
    let cores = named("processor").count();
    let cores = if cores > 0 { cores } else { std::thread::available_parallelism().map_or(0, usize::from) };
    (model.to_owned(), cores.to_string())
}

/// The commit, and whether the tree is another.
fn commit(root: &Path) -> String {
    let git = |args: &[&str]| told(Command::new("git").current_dir(root).args(args));
    match git(&["rev-parse", "HEAD"]).as_str() {
        "unknown" => "unknown".to_owned(),
        commit => {
            // What this command writes itself changes nothing that is measured.
            let others = [":!benches/REPORT.md", ":!benches/plots", ":!benches/accounts", ":!README.md"];
            let mut args = vec!["status", "--porcelain", "--", "."];
            args.extend(others);
            let changed = git(&args);
            format!("{commit}{}", if changed.is_empty() { "" } else { ", and changes not committed" })
        }
    }
}

/// What a command says, or "unknown".
fn told(command: &mut Command) -> String {
    match command.stderr(Stdio::null()).output() {
        Ok(out) if out.status.success() => String::from_utf8_lossy(&out.stdout).trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted_and_named() {
        let two =
            "processor\t: 0\nmodel name\t: AMD EPYC\ncache size : 512 KB\nprocessor\t: 1\nmodel name\t: AMD EPYC\n";
        assert_eq!(processor(two), ("AMD EPYC".to_owned(), "2".to_owned()));
        assert_eq!(processor("").0, "unknown");
    }

    #[test]
    fn no_git_is_an_unknown_commit() {
        let scratch = crate::context::Scratch::new("commit");
        assert_eq!(told(Command::new("/no/such/program").current_dir(&scratch.0)), "unknown");
        assert_eq!(commit(Path::new("/no/such/folder")), "unknown");
    }
}
