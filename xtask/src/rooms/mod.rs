//! `cargo xtask rooms`: the rules of the source, read as text.
//!
//! 1. `lexer` cuts a file into words, without comments and strings.
//! 2. `marks` tells test code from the rest.
//! 3. `paths` writes out the paths that the words name.
//! 4. `rules` says what is wrong.
//! 5. Here: which files, and the report. Every finding is one line, `file:line: [rule] what`.

mod lexer;
mod marks;
mod paths;
mod rules;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::context::Context;
use rules::{File, findings};

/// The folders that hold our source; those that do not exist yet are passed over.
const FOLDERS: &[&str] = &["src", "tests", "benches", "examples", "xtask", "macros", "fuzz", "stress"];

/// Checks all rules; an error counts what is wrong, which has been printed.
pub(crate) fn check(context: &Context) -> Result<(), String> {
    let sources = read(context)?;
    let lines = faults(&sources);
    for line in &lines {
        println!("    {line}");
    }
    match lines.len() {
        0 => {
            println!("    {} files keep the rules", sources.len());
            Ok(())
        }
        count => Err(format!("{count} breaches of the rules, listed above")),
    }
}

/// Everything that is wrong in these files, given as path and text, one line each.
fn faults(sources: &[(String, String)]) -> Vec<String> {
    let cut: Vec<marks::Words<'_>> = sources.iter().map(|(_, text)| marks::cut(text)).collect();
    let tests: Vec<String> = sources
        .iter()
        .zip(&cut)
        .flat_map(|((path, _), words)| words.test_files.iter().map(|name| submodule(path, name)))
        .collect();
    let mut lines = Vec::new();
    for ((path, text), words) in sources.iter().zip(&cut) {
        let stem = path.strip_suffix(".rs").unwrap_or(path);
        let test = tests
            .iter()
            .any(|test| stem.strip_prefix(test.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        let found = findings(&File { path, text, words, test });
        lines.extend(found.iter().map(|f| format!("{path}:{}: [{}] {}", f.line, f.rule, f.what)));
    }
    lines
}

/// Where `mod name;` in the file `path` lies, without `.rs`.
fn submodule(path: &str, name: &str) -> String {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let (folder, file) = stem.rsplit_once('/').unwrap_or(("", stem));
    match file {
        "mod" | "lib" | "main" => format!("{folder}/{name}"),
        _ => format!("{stem}/{name}"),
    }
}

/// Reads all sources, ordered by path.
fn read(context: &Context) -> Result<Vec<(String, String)>, String> {
    let mut files = Vec::new();
    for folder in FOLDERS.iter().map(|name| context.root.join(name)).filter(|path| path.is_dir()) {
        collect(&folder, &context.target, &mut files)?;
    }
    files.sort();
    if !files.iter().any(|path| path.ends_with("src/lib.rs")) {
        return Err(format!("no src/lib.rs in {}", context.root.display()));
    }
    let text = |path: &PathBuf| match std::fs::read_to_string(path) {
        Ok(text) => Ok((context.shown(path), text)),
        Err(why) => Err(format!("{}: {why}", path.display())),
    };
    files.iter().map(text).collect()
}

/// Collects the `.rs` files below a folder; not what was built, nor what hides behind a dot.
fn collect(folder: &Path, target: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let said = |why: std::io::Error| format!("{}: {why}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(said)? {
        let entry = entry.map_err(said)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(said)?);
        let name = entry.file_name();
        if kind.is_dir() {
            let built = name == "target" || path == target;
            if !built && !name.to_string_lossy().starts_with('.') {
                collect(&path, target, files)?;
            }
        } else if kind.is_file() && path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
