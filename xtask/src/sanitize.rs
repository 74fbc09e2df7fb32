//! `cargo xtask sanitize`: the stress under a sanitizer, and what that sanitizer must catch.
//!
//! 1. The tree is copied to `target/sanitize/tree`; the stress is built there with the sanitizer.
//! 2. Unbroken, its scenarios with many threads must end well and without a report.
//! 3. Each planted fault is put in, built, run in the scenario that meets it, and taken out again: it must be reported, or
//!    the silence before meant nothing.
//!
//! std is not rebuilt: `stress/sanitizers/thread.supp` names the few reports that come of that, each with its reason.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::End;
use crate::context::{Context, ended, lasted, output, run as command};
use crate::outcome::wait;
use crate::planted::{self, Planted};
use crate::{stress, tools, tree};

/// A sanitizer, and how it is used.
struct Sanitizer {
    name: &'static str,
    flags: &'static str,
    /// The variable that it reads its options from, and these; `SUPP` is the folder of suppressions.
    options: (&'static str, &'static str),
    /// The scenarios, and how many events each is given: they take about a minute.
    scenarios: &'static [(&'static str, &'static str)],
    planted: &'static [Planted],
}

const SANITIZERS: &[Sanitizer] = &[
    Sanitizer {
        name: "thread",
        flags: "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer \
                --cfg crossbeam_sanitize --cfg crossbeam_sanitize_thread --cfg ringbus_tsan",
        options: ("TSAN_OPTIONS", "suppressions=SUPP/thread.supp:halt_on_error=1:exitcode=66"),
        scenarios: &[("mixed", "300000"), ("queues", "120000")],
        planted: planted::RACES,
    },
    Sanitizer {
        name: "address",
        flags: "-Zsanitizer=address",
        options: ("ASAN_OPTIONS", "detect_leaks=1:exitcode=66"),
        scenarios: &[("mixed", "1000000"), ("queues", "240000")],
        planted: planted::MISUSES,
    },
];

/// No run takes longer than this, unless it hangs.
const LIMIT: Duration = Duration::from_secs(1200);

// === the command ===

/// Runs all sanitizers, or the one named.
pub(crate) fn run(context: &Context, name: Option<&str>) -> End {
    let chosen: Vec<&Sanitizer> = SANITIZERS.iter().filter(|one| name.is_none_or(|name| name == one.name)).collect();
    match (chosen.is_empty(), name) {
        (true, Some(name)) => End::Usage(format!("there is no sanitizer `{name}`; there are: thread, address")),
        _ => all(context, &chosen).into(),
    }
}

/// All of them.
pub(crate) fn both(context: &Context) -> Result<(), String> {
    all(context, &SANITIZERS.iter().collect::<Vec<_>>())
}

fn all(context: &Context, chosen: &[&Sanitizer]) -> Result<(), String> {
    // Reports name functions, and suppressions go by them.
    tools::system("llvm-symbolizer", "llvm")?;
    let home = context.target.join("sanitize");
    let copied = tree::copied(context, &home)?;
    chosen.iter().try_for_each(|sanitizer| sanitizer.run(&copied))
}

// === impl Sanitizer ===

impl Sanitizer {
    fn run(&self, copied: &Context) -> Result<(), String> {
        let logs = copied.target.join("logs").join(self.name);
        tree::fresh(&logs)?;
        println!("\n==> {} sanitizer, unbroken", self.name);
        self.build(copied)?;
        for (scenario, _) in self.scenarios {
            let log = logs.join(format!("{scenario}.log"));
            let (status, text, time) = self.stress(copied, scenario, &log)?;
            if status != "exit code 0" || text.contains("Sanitizer: ") {
                print!("{text}");
                return Err(format!("{} sanitizer: {status}; see {}", self.name, log.display()));
            }
            println!("<== {scenario}: no report in {}; {}", lasted(time), log.display());
        }
        self.planted.iter().enumerate().try_for_each(|(at, planted)| {
            println!("\n==> {} sanitizer, planted {}", self.name, planted.name);
            let log = logs.join(format!("{}.log", at + 1));
            let work = || self.build(copied).and_then(|()| self.stress(copied, planted.scenario, &log));
            let change = |source: &str| planted.apply(source);
            let (status, text, time) = tree::while_changed(copied, planted.file, change, work)???;
            if !text.contains(planted.report) {
                return Err(format!("not reported: {} ({status}); see {}", planted.name, log.display()));
            }
            println!("<== reported in {}: {}", lasted(time), planted.report);
            Ok(())
        })
    }

    fn cargo(&self, copied: &Context, args: &str) -> Result<Command, String> {
        let host = host()?;
        let mut cargo = copied.cargo(&format!("{args} --release --manifest-path {} --target {host}", stress::MANIFEST));
        // The sanitizers of the stable compiler are hidden behind this.
        cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", self.flags).env_remove("CARGO_ENCODED_RUSTFLAGS");
        cargo.env("CARGO_TARGET_DIR", self.target(copied));
        Ok(cargo)
    }

    fn target(&self, copied: &Context) -> PathBuf {
        copied.target.join(self.name)
    }

    fn build(&self, copied: &Context) -> Result<(), String> {
        command(&mut self.cargo(copied, "build")?)
    }

    /// Runs a scenario; how it ended, all it printed, and how long it took.
    fn stress(&self, copied: &Context, scenario: &str, log: &Path) -> Result<(String, String, Duration), String> {
        let said = |why: std::io::Error| format!("{}: {why}", log.display());
        let file = File::create(log).map_err(said)?;
        let program = self.target(copied).join(host()?).join("release/ringbus-stress");
        let suppressions = copied.root.join("stress/sanitizers");
        let (variable, options) = self.options;
        let mut stress = Command::new(&program);
        let events = self.scenarios.iter().find(|(name, _)| *name == scenario).map_or("100000", |(_, events)| events);
        stress.args(["--scenario", scenario, "--events", events]).current_dir(&copied.root);
        stress.env(variable, options.replace("SUPP", &suppressions.display().to_string()));
        stress.stdout(file.try_clone().map_err(said)?).stderr(file);
        let began = Instant::now();
        let mut child = stress.spawn().map_err(|why| format!("{}: {why}", program.display()))?;
        let status = match wait(&mut child, LIMIT)? {
            Some(status) => ended(status),
            None => "killed at the time limit".to_owned(),
        };
        let text = String::from_utf8_lossy(&fs::read(log).map_err(said)?).into_owned();
        Ok((status, text, began.elapsed()))
    }
}

/// The triple of this machine: flags for a named target do not reach build scripts and macros.
fn host() -> Result<String, String> {
    let told = output(Command::new("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "`rustc -vV` names no host".to_owned())
}
