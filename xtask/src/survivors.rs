//! `cargo xtask mutants`: cargo-mutants, by the configurations in `.cargo`: one for each part of the crate that has tests
//! of its own.
//!
//! Promises that a mutant which no test notices is a failure, unless its configuration says why it may live; and so is a
//! run that shows nothing: mutants that were never built, or none at all. It is judged by what cargo-mutants writes down in
//! `target/survivors/<part>/mutants.out`, not by its exit code, which is that of a timeout also where others were missed.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

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

/// What cargo-mutants ends with where it has tried all: nothing to tell, some missed, some timed out (and others missed).
const TRIED: [i32; 3] = [0, 2, 3];

/// The most mutants that may not compile, in percent: they show nothing of the tests.
const UNVIABLE: usize = 40;

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
    /// Two at a time: a test that waits leaves a core to another. The second has to build everything once more, so the
    /// limit for building is long. That for testing is cargo-mutants' own: five times as long as the tests take without a
    /// mutant, and 20 s at least.
    fn run(&self, context: &Context, args: &[String]) -> Result<(), String> {
        let mut cargo = tools::MUTANTS.cargo(context, "mutants --jobs 2 --build-timeout 1200 --config")?;
        let output = context.target.join("survivors").join(self.name);
        let said = |why: std::io::Error| format!("{}: {why}", output.display());
        fs::create_dir_all(&output).map_err(said)?;
        let told = output.join("mutants.out");
        let has = |flags: &[&str]| args.iter().any(|arg| flags.contains(&arg.as_str()));
        // What an earlier run has told is not this one's, unless this one goes on with it.
        if !has(&["--iterate"]) {
            fs::remove_dir_all(&told)
                .or_else(|why| if why.kind() == ErrorKind::NotFound { Ok(()) } else { Err(why) })
                .map_err(said)?;
        }
        cargo.arg(self.config).arg("--output").arg(&output).args(args);
        // Cases enough for what one mutant changes; the tests proper run more.
        cargo.env("PROPTEST_CASES", "48");
        // A lint that somebody denies would make mutants that do not compile.
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        run_to(&mut cargo, &TRIED)?;
        if has(&["--list", "--list-files", "--help", "-h", "--version", "-V"]) { Ok(()) } else { judged(&told) }
    }
}

// === what became of the mutants ===

/// How many mutants ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    caught: usize,
    missed: usize,
    /// Stopped at the time limit, while building too.
    stopped: usize,
    /// Of those, the ones that no test ever ran on.
    building: usize,
    unviable: usize,
}

/// Reads what a run has told in `folder`, and judges it.
fn judged(folder: &Path) -> Result<(), String> {
    let said = |why| format!("{}: {why}", folder.display());
    let told = Told::read(folder).map_err(said)?;
    println!("    {}", told.line());
    told.judge().map_err(|why| format!("{why}; see {}", folder.display()))
}

// === impl Told ===

impl Told {
    fn read(folder: &Path) -> Result<Self, String> {
        let text = |name: &str| fs::read_to_string(folder.join(name)).map_err(|why| format!("{name}: {why}"));
        let lines = |name: &str| Ok::<_, String>(text(name)?.lines().filter(|line| !line.is_empty()).count());
        // Not there where nothing was tried.
        let (building, testing) = stopped(&text("outcomes.json").unwrap_or_default());
        let told = Self {
            caught: lines("caught.txt")?,
            missed: lines("missed.txt")?,
            stopped: lines("timeout.txt")?,
            building,
            unviable: lines("unviable.txt")?,
        };
        match building + testing {
            count if count == told.stopped => Ok(told),
            count => Err(format!("timeout.txt names {}, outcomes.json {count}", told.stopped)),
        }
    }

    fn tried(&self) -> usize {
        self.caught + self.missed + self.stopped + self.unviable
    }

    /// For people.
    fn line(&self) -> String {
        let Self { caught, missed, stopped, building, unviable } = self;
        let (all, testing) = (self.tried(), stopped - building);
        format!(
            "{all} mutants: {caught} caught, {missed} missed, {testing} stopped by the time limit only, \
             {building} not built in time, {unviable} unviable"
        )
    }

    fn judge(&self) -> Result<(), String> {
        let mut wrong = Vec::new();
        if self.missed > 0 {
            wrong.push(format!("{} missed (missed.txt)", self.missed));
        }
        if self.building > 0 {
            wrong.push(format!("{} stopped while building (timeout.txt)", self.building));
        }
        if self.tried() == 0 {
            wrong.push("no mutant was tried".to_owned());
        }
        if self.unviable * 100 > self.tried() * UNVIABLE {
            let (unviable, tried) = (self.unviable, self.tried());
            wrong.push(format!("{unviable} of {tried} do not compile, {UNVIABLE} % may (unviable.txt)"));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join(", ")) }
    }
}

/// How many phases the time limit ended, of `outcomes.json` as cargo-mutants writes it, one field a line: those that build,
/// and those that test.
fn stopped(outcomes: &str) -> (usize, usize) {
    let (mut building, mut testing, mut tests) = (0, 0, false);
    for line in outcomes.lines().map(|line| line.trim().trim_end_matches(',')) {
        match line {
            "\"phase\": \"Test\"" => tests = true,
            "\"process_status\": \"Timeout\"" if tests => testing += 1,
            "\"process_status\": \"Timeout\"" => building += 1,
            phase if phase.starts_with("\"phase\": ") => tests = false,
            _ => {}
        }
    }
    (building, testing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Scratch;

    /// What cargo-mutants tells of mutants that ended so; of those stopped, the phases in which they were.
    fn told(name: &str, ends: [(&str, usize); 3], stopped: &[&str]) -> Result<Told, String> {
        let scratch = Scratch::new(&format!("survivors-{name}"));
        scratch.write(&[("caught.txt", ""), ("missed.txt", ""), ("unviable.txt", "")]);
        for (file, count) in ends {
            scratch.write(&[(file, &"src/a.rs:1:1: replace a with ()\n".repeat(count))]);
        }
        let mut outcomes = String::from("{\n  \"outcomes\": [\n");
        for phase in stopped {
            let built = "\"phase\": \"Build\",\n  \"duration\": 1.5,\n  \"process_status\": \"Success\",\n";
            outcomes += if *phase == "Test" { built } else { "" };
            outcomes += &format!("  \"phase\": \"{phase}\",\n  \"process_status\": \"Timeout\",\n");
        }
        scratch.write(&[("outcomes.json", &outcomes), ("timeout.txt", &"a\n".repeat(stopped.len()))]);
        Told::read(&scratch.0)
    }

    fn ends(caught: usize, missed: usize, unviable: usize) -> [(&'static str, usize); 3] {
        [("caught.txt", caught), ("missed.txt", missed), ("unviable.txt", unviable)]
    }

    #[test]
    fn what_the_tests_or_their_time_limit_stop_is_well() {
        let told = told("well", ends(5, 0, 4), &["Test"]).expect("told");
        assert_eq!(told.judge(), Ok(()));
        let line = "10 mutants: 5 caught, 0 missed, 1 stopped by the time limit only, 0 not built in time, 4 unviable";
        assert_eq!(told.line(), line);
    }

    #[test]
    fn what_is_missed_beside_a_timeout_is_told() {
        let told = told("missed", ends(5, 2, 0), &["Test"]).expect("told");
        assert_eq!(told.judge(), Err("2 missed (missed.txt)".into()));
    }

    #[test]
    fn a_build_that_did_not_end_shows_nothing() {
        let told = told("build", ends(5, 0, 0), &["Test", "Build", "Test"]).expect("told");
        assert_eq!((told.stopped, told.building), (3, 1));
        assert_eq!(told.judge(), Err("1 stopped while building (timeout.txt)".into()));
    }

    #[test]
    fn nothing_tried_is_no_success() {
        assert_eq!(Told::default().judge(), Err("no mutant was tried".into()));
        let why = told("unviable", ends(0, 0, 3), &[]).expect("told").judge().expect_err("all unviable");
        assert_eq!(why, "3 of 3 do not compile, 40 % may (unviable.txt)");
        assert!(told("some", ends(3, 0, 2), &[]).expect("told").judge().is_ok());
    }

    #[test]
    fn files_that_contradict_each_other_are_not_believed() {
        let scratch = Scratch::new("survivors-contradiction");
        scratch.write(&[("caught.txt", "a\n"), ("missed.txt", ""), ("unviable.txt", "")]);
        scratch.write(&[("timeout.txt", "a\n"), ("outcomes.json", "{}")]);
        assert_eq!(Told::read(&scratch.0), Err("timeout.txt names 1, outcomes.json 0".into()));
        assert!(judged(&scratch.0.join("none")).is_err(), "nothing was written down");
    }

    /// The entries of a list in a configuration, one a line.
    fn list<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
        let lines = text.lines().skip_while(|line| !line.starts_with(&format!("{name} = ["))).skip(1);
        let inside = lines.map(str::trim).take_while(|line| *line != "]").filter(|line| !line.starts_with('#'));
        inside.map(|line| line.trim_end_matches(',').trim_matches('"')).collect()
    }

    #[test]
    fn every_room_that_a_configuration_names_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("in the project");
        for part in PARTS {
            let text = fs::read_to_string(root.join(part.config)).expect(part.config);
            let rooms = list(&text, "examine_globs");
            assert!(!rooms.is_empty(), "{}", part.config);
            for room in rooms {
                let there = match room.strip_suffix("/**") {
                    None => root.join(room).is_file(),
                    Some(folder) => fs::read_dir(root.join(folder)).is_ok_and(|mut files| files.next().is_some()),
                };
                assert!(there, "{} names {room}", part.config);
            }
        }
    }
}
