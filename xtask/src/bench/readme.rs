//! The README's figures: what stands there between two markers is what stands between the same two in the report.
//!
//! Promises that the two cannot differ for long: `cargo xtask bench` writes both, and a step of `cargo xtask test` compares
//! them. Nothing is measured for that.

use std::fs;

use super::report::{BEGIN, END};
use crate::context::Context;

const README: &str = "README.md";
pub(super) const REPORT: &str = "benches/REPORT.md";

/// The step of `cargo xtask test`.
pub(crate) fn check(context: &Context) -> Result<(), String> {
    if !context.root.join(REPORT).exists() {
        let readme = fs::read_to_string(context.root.join(README)).map_err(|why| format!("{README}: {why}"))?;
        return match between(&readme, README)?.trim() {
            "" => Ok(()),
            _ => Err(format!("{README} has figures, and there is no {REPORT}")),
        };
    }
    let (readme, report) = both(context)?;
    match between(&readme, README)? == between(&report, REPORT)? {
        true => Ok(()),
        false => Err(format!("{README} has other figures than {REPORT}: `cargo xtask bench` writes both")),
    }
}

/// Brings the report's figures into the README.
pub(super) fn write(context: &Context) -> Result<(), String> {
    let (readme, report) = both(context)?;
    let path = context.root.join(README);
    fs::write(&path, replaced(&readme, between(&report, REPORT)?)?).map_err(|why| format!("{README}: {why}"))
}

fn both(context: &Context) -> Result<(String, String), String> {
    let read = |file: &str| fs::read_to_string(context.root.join(file)).map_err(|why| format!("{file}: {why}"));
    Ok((read(README)?, read(REPORT)?))
}

/// What stands between the markers.
fn between<'a>(text: &'a str, file: &str) -> Result<&'a str, String> {
    let found = text.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    found.map(|(inside, _)| inside).ok_or_else(|| format!("{file} has no `{BEGIN}` … `{END}`"))
}

/// `text` with something else between the markers.
fn replaced(text: &str, inside: &str) -> Result<String, String> {
    between(text, README)?;
    let (before, rest) = text.split_once(BEGIN).unwrap_or((text, ""));
    let (_, after) = rest.split_once(END).unwrap_or(("", ""));
    Ok(format!("{before}{BEGIN}{inside}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Scratch;

    #[test]
    fn the_readme_gets_the_reports_figures_and_is_checked_by_them() {
        let scratch = Scratch::new("readme");
        let marked = |inside: &str| format!("above\n{BEGIN}\n{inside}\n{END}\nbelow\n");
        scratch.write(&[("Cargo.toml", ""), (README, &marked("old")), (REPORT, &format!("# R\n{}", marked("new")))]);
        let context = Context::at(scratch.0.clone(), scratch.0.join("t")).expect("context");
        assert!(check(&context).is_err_and(|why| why.contains("other figures")));
        assert_eq!(write(&context), Ok(()));
        assert_eq!(check(&context), Ok(()));
        assert_eq!(fs::read_to_string(scratch.0.join(README)).expect("written"), marked("new"));
    }

    #[test]
    fn without_a_report_there_are_no_figures() {
        let scratch = Scratch::new("readme-alone");
        scratch.write(&[("Cargo.toml", ""), (README, &format!("x\n{BEGIN}\n{END}\n"))]);
        let context = Context::at(scratch.0.clone(), scratch.0.join("t")).expect("context");
        assert_eq!(check(&context), Ok(()));
        scratch.write(&[(README, &format!("x\n{BEGIN}\n| full | 3 |\n{END}\n"))]);
        assert!(check(&context).is_err_and(|why| why.contains("there is no benches/REPORT.md")));
    }

    #[test]
    fn markers_must_be_there() {
        assert!(between("nothing", README).is_err_and(|why| why.contains(BEGIN)));
        assert!(replaced(&format!("{END}{BEGIN}"), "x").is_err());
    }
}
