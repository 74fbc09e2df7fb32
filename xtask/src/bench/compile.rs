//! What call sites cost to build: time and bytes, beside `tracing`'s.
//!
//! 1. For each of the two a crate with 1000 call sites of three fields is generated into the target folder, and one
//!    with a single call site.
//! 2. Time: the library with the 1000 is built alone, what it depends on being built, in turn with the other's.
//! 3. Bytes: the release programs with 1000 and with 1 call site; the difference over 999 is a call site's, without
//!    what a program needs once.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::elf;
use crate::context::{Context, run as command};

const SITES: usize = 1000;

/// A side of the comparison.
struct Side {
    name: &'static str,
    dependency: String,
    /// One call site; `NUMBER` is its own.
    site: &'static str,
}

// === the measurement ===

/// The lines for the report.
pub(super) fn lines(context: &Context, quick: bool) -> Result<String, String> {
    let home = context.target.join("bench").join("compile");
    let root = context.root.display();
    let sides = [
        Side {
            name: "ringbus",
            dependency: format!("ringbus = {{ path = {:?} }}", root.to_string()),
            site: "ringbus::publish_event!(\"compile.eventNUMBER\", line = n, column = 7u64, fatal = true);",
        },
        Side {
            name: "tracing",
            dependency: "tracing = { version = \"0.1.44\", default-features = false, features = [\"std\"] }".to_owned(),
            site: "tracing::event!(target: \"compile.eventNUMBER\", tracing::Level::INFO, line = n, column = 7u64, \
                   fatal = true);",
        },
    ];
    let lock = context.root.join("benches/counts/Cargo.lock");
    let lock = fs::read_to_string(&lock).map_err(|why| format!("{}: {why}", lock.display()))?;
    for side in &sides {
        for sites in [SITES, 1] {
            side.generate(&home, sites, &lock)?;
        }
    }
    let mut text = String::new();
    // A release build is long; its first one is needed for the bytes.
    let (debug, release) = if quick { (3, 1) } else { (5, 3) };
    text.push_str(&times(context, &home, &sides, "compile-1000", "", debug)?);
    text.push_str(&times(context, &home, &sides, "compile-1000-release", " --release", release)?);
    for side in &sides {
        text.push_str(&side.bytes(context, &home)?);
    }
    Ok(text)
}

/// The line of one profile.
fn times(
    context: &Context,
    home: &Path,
    sides: &[Side; 2],
    id: &str,
    profile: &str,
    pairs: u32,
) -> Result<String, String> {
    let [ours, its] = sides;
    for side in sides {
        side.build(context, home, SITES, &format!("--lib{profile}"))?;
    }
    let mut both = Vec::new();
    for at in 0..pairs {
        let first = at % 2 == 0;
        let (a, b) = if first { (ours, its) } else { (its, ours) };
        let time = |side: &Side| side.timed(context, home, &format!("--lib{profile}"), at);
        let (a, b) = (time(a)?, time(b)?);
        let (ours, its) = if first { (a, b) } else { (b, a) };
        println!("    {id}: ringbus {:.2} s, tracing {:.2} s", ours.as_secs_f64(), its.as_secs_f64());
        both.push((ours.as_nanos() as f64, its.as_nanos() as f64));
    }
    let what = format!("building a crate of {SITES} call sites, its dependencies built{profile}");
    Ok(pair(id, &what, &both))
}

/// The line for pairs of times, ours and the other's.
fn pair(id: &str, what: &str, both: &[(f64, f64)]) -> String {
    let ours = median(both.iter().map(|both| both.0));
    let its = median(both.iter().map(|both| both.1));
    let ratios = || both.iter().map(|(ours, its)| its / ours);
    let (ratio, lowest) = (median(ratios()), ratios().fold(f64::INFINITY, f64::min));
    let highest = ratios().fold(0.0, f64::max);
    format!(
        "pair\t{id}\t{what}\tringbus\ttracing\t{ours:.0}\t{its:.0}\t{ratio:.4}\t{lowest:.4}\t{highest:.4}\t{}\n",
        both.len()
    )
}

fn median(all: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = all.collect();
    all.sort_by(f64::total_cmp);
    match all.len() {
        0 => 0.0,
        count if count % 2 == 1 => all[count / 2],
        count => (all[count / 2 - 1] + all[count / 2]) / 2.0,
    }
}

// === impl Side ===

impl Side {
    fn folder(&self, home: &Path, sites: usize) -> PathBuf {
        home.join(format!("{}-{sites}", self.name))
    }

    fn generate(&self, home: &Path, sites: usize, lock: &str) -> Result<(), String> {
        let folder = self.folder(home, sites);
        let said = |why: std::io::Error| format!("{}: {why}", folder.display());
        fs::create_dir_all(folder.join("src")).map_err(said)?;
        let manifest = format!(
            "[workspace]\n\n[package]\nname = \"sites-{}-{sites}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{}\n",
            self.name, self.dependency
        );
        fs::write(folder.join("Cargo.toml"), manifest).map_err(said)?;
        // The versions that are measured elsewhere; cargo takes out what is not needed.
        fs::write(folder.join("Cargo.lock"), lock).map_err(said)?;
        fs::write(folder.join("src/lib.rs"), self.library(sites)).map_err(said)?;
        let package = format!("sites_{}_{sites}", self.name);
        let calls: String = (0..sites.div_ceil(10)).map(|at| format!("    {package}::f{at}(n);\n")).collect();
        let program = format!("fn main() {{\n    let n = std::env::args().count() as u64;\n{calls}}}\n");
        fs::write(folder.join("src/main.rs"), program).map_err(said)
    }

    /// Functions of ten call sites each.
    fn library(&self, sites: usize) -> String {
        let mut text = String::new();
        for first in (0..sites).step_by(10) {
            text.push_str(&format!("pub fn f{}(n: u64) {{\n", first / 10));
            for number in first..sites.min(first + 10) {
                text.push_str(&format!("    {}\n", self.site.replace("NUMBER", &number.to_string())));
            }
            text.push_str("}\n");
        }
        text
    }

    fn build(&self, context: &Context, home: &Path, sites: usize, args: &str) -> Result<(), String> {
        let mut cargo = context.cargo(&format!("build --quiet {args} --manifest-path"));
        cargo.arg(self.folder(home, sites).join("Cargo.toml")).env("CARGO_TARGET_DIR", home.join("target"));
        // Nothing of an earlier build is to be used again.
        command(cargo.env("CARGO_INCREMENTAL", "0"))
    }

    /// Builds the changed library.
    fn timed(&self, context: &Context, home: &Path, args: &str, number: u32) -> Result<Duration, String> {
        let source = self.folder(home, SITES).join("src/lib.rs");
        let text = format!("// Changed for the {number}th time.\n{}", self.library(SITES));
        fs::write(&source, text).map_err(|why| format!("{}: {why}", source.display()))?;
        let begun = Instant::now();
        self.build(context, home, SITES, args)?;
        Ok(begun.elapsed())
    }

    /// Bytes of a call site: of code, and of what else is loaded.
    fn bytes(&self, context: &Context, home: &Path) -> Result<String, String> {
        let mut sizes = Vec::new();
        for sites in [SITES, 1] {
            self.build(context, home, sites, "--release")?;
            let program = home.join("target/release").join(format!("sites-{}-{sites}", self.name));
            let file = fs::read(&program).map_err(|why| format!("{}: {why}", program.display()))?;
            match elf::sizes(&file) {
                Some(size) => sizes.push(size),
                None => return Ok(String::new()), // Another system's programs.
            }
        }
        let each =
            |size: fn(&elf::Sizes) -> u64| size(&sizes[0]).saturating_sub(size(&sizes[1])) as f64 / (SITES - 1) as f64;
        let (name, code, data) = (self.name, each(|sizes| sizes.code), each(|sizes| sizes.data));
        Ok(format!(
            "fact\tcode-bytes-{name}\t{code:.1}\tbytes of code a call site, {name}\n\
             fact\tdata-bytes-{name}\t{data:.1}\tbytes of data a call site, {name}\n"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_one_that_the_report_reads() {
        let line = pair("compile-1000", "w", &[(2.0, 3.0), (1.0, 4.0), (2.0, 2.0)]);
        let lines = super::super::lines::Lines::parse(&line).expect("a line");
        let pair = lines.pair("compile-1000").expect("told");
        assert_eq!((pair.our_ns, pair.its_ns, pair.ratio), (2.0, 3.0, 1.5));
        assert_eq!((pair.lowest, pair.highest, pair.pairs), (1.0, 4.0, 3));
    }

    #[test]
    fn a_median_of_an_even_number_lies_between() {
        assert_eq!([median([4.0, 1.0].into_iter()), median([].into_iter())], [2.5, 0.0]);
    }

    #[test]
    fn each_call_site_is_its_own() {
        let side = Side { name: "x", dependency: String::new(), site: "s!(\"NUMBER\");" };
        let text = side.library(25);
        assert_eq!((text.matches("s!(").count(), text.matches("pub fn f").count()), (25, 3));
        assert!(text.contains("s!(\"24\")"));
    }
}
