//! The rules, each a function from a file to what is wrong in it.
//!
//! They are ARCHITECTURE.md's rooms: who may import whom, who names atomics, where `unsafe` may stand and
//! what must stand above it, how long a file may be, and what must not be left in the source. They
//! read words and paths, and so can be fooled by macros; the compiler's lints look again.

use super::lexer::Word;
use super::marks::{Words, attribute};
use super::paths::{Path, paths};

/// The rooms, from the ground up. A room may import those before its row, never those in its row.
const ROOMS: &[&[&str]] = &[
    &["sync"],
    &["contain", "latency"],
    &["event"],
    &["callsite", "history", "dispatch", "stats"],
    &["bus"],
    &["publish", "queue"],
    &["typed", "testing"],
    &["ext", "models"],
];

/// What only the room `sync` may name.
const ATOMICS: &[&str] = &["std::sync::atomic", "core::sync::atomic"];
const CRATES: &[&str] = &["arc_swap", "loom", "once_cell", "parking_lot"];

/// Macros that must not be left in the library.
const LEFT_OVER: &[&str] = &["println", "eprintln", "print", "eprint", "dbg", "todo", "unimplemented"];

/// No file is longer than this.
pub(super) const LONGEST: usize = 500;

/// A file to check.
pub(super) struct File<'a> {
    /// Its path from the root of the project, with `/`.
    pub(super) path: &'a str,
    pub(super) text: &'a str,
    pub(super) words: &'a Words<'a>,
    /// The whole file is test code.
    pub(super) test: bool,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) line: usize,
    pub(super) rule: &'static str,
    pub(super) what: String,
}

fn finding(line: usize, rule: &'static str, what: impl Into<String>) -> Finding {
    Finding { line, rule, what: what.into() }
}

/// Everything that is wrong in a file, in the order of its lines.
pub(super) fn findings(file: &File<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let paths = paths(&file.words.words);
    length(file, &mut found);
    order(file, &paths, &mut found);
    only_sync(file, &paths, &mut found);
    unsafe_code(file, &mut found);
    left_over(file, &mut found);
    ignored(file, &mut found);
    found.sort_by_key(|finding| finding.line);
    found
}

// === impl File ===

impl File<'_> {
    /// The module path of a file of the library: `src/event/kind.rs` is `event`, `kind`.
    fn modules(&self) -> Option<Vec<&str>> {
        let inside = self.path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let mut modules: Vec<&str> = inside.split('/').collect();
        if matches!(modules.last(), Some(&("mod" | "lib"))) {
            modules.pop();
        }
        Some(modules)
    }

    /// The room of a file of the library; none for `lib.rs`, which shows what all rooms hold.
    fn room(&self) -> Option<&str> {
        self.modules().and_then(|modules| modules.first().copied())
    }
}

fn rank(room: &str) -> Option<usize> {
    ROOMS.iter().position(|row| row.contains(&room))
}

// === the rules ===

fn length(file: &File<'_>, found: &mut Vec<Finding>) {
    let lines = file.text.lines().count();
    if lines > LONGEST {
        let what = format!("{lines} lines; at most {LONGEST}: the file holds two nouns");
        found.push(finding(lines, "length", what));
    }
}

fn order(file: &File<'_>, paths: &[Path<'_>], found: &mut Vec<Finding>) {
    let (Some(modules), Some(room)) = (file.modules(), file.room()) else {
        return;
    };
    if room != "docs" && rank(room).is_none() {
        let what = format!("`{room}` is no room: give it a place in xtask/src/rooms/rules.rs");
        found.push(finding(1, "order", what));
        return;
    }
    for path in paths.iter().filter(|path| !path.test && !file.test) {
        let Some(named) = root_name(path, modules.len()) else {
            continue;
        };
        let full = path.segments.join("::");
        if let Some(why) = refusal(room, named) {
            found.push(finding(path.line, "order", format!("`{full}`: {why}")));
        }
    }
}

/// The name right below the crate's root that a path leads through, if it leads there.
fn root_name<'a>(path: &Path<'a>, modules: usize) -> Option<&'a str> {
    let supers = path.segments.iter().take_while(|&&segment| segment == "super").count();
    match path.segments.first() {
        Some(&"crate") => path.segments.get(1).copied(),
        Some(&"super") if supers == modules + path.depth => path.segments.get(supers).copied(),
        _ => None,
    }
}

/// Why `room` may not name `named`, if so.
fn refusal(room: &str, named: &str) -> Option<String> {
    if named == "docs" && room != "docs" {
        return Some("`docs` holds words; nobody imports it".to_owned());
    }
    if named == room || room == "docs" {
        return None;
    }
    match (rank(room), rank(named)) {
        // `ext` uses the public face, and the ground floor: the one door to atomics.
        (Some(_), Some(0)) if room == "ext" => None,
        (Some(_), Some(_)) if room == "ext" => Some("`ext` uses the public face only".to_owned()),
        (Some(_), None) if room == "ext" => None,
        (Some(own), Some(other)) if other < own => None,
        (Some(own), Some(other)) if other == own => {
            Some(format!("`{room}` and `{named}` are siblings and do not know each other"))
        }
        (_, Some(_)) => Some(format!("`{named}` comes after `{room}`, which may not know it")),
        (_, None) => Some(format!("`{named}` is no room; import it from the room that holds it")),
    }
}

fn only_sync(file: &File<'_>, paths: &[Path<'_>], found: &mut Vec<Finding>) {
    if !file.path.starts_with("src/") || file.room() == Some("sync") {
        return;
    }
    for path in paths.iter().filter(|path| !path.test && !file.test) {
        let full = path.segments.join("::");
        let begins = |with: &str| full == with || full.starts_with(&format!("{with}::"));
        let atomic = ATOMICS.iter().any(|atomics| begins(atomics));
        let library = CRATES.iter().any(|library| begins(library)) || full.starts_with("crossbeam_");
        // `use std::sync;` and `use std::sync::*;` open a second door.
        let module = path.import && matches!(full.as_str(), "std::sync" | "core::sync");
        let glob = matches!(full.as_str(), "std::sync::*" | "core::sync::*");
        if atomic || library || module || glob {
            found.push(finding(path.line, "sync", format!("`{full}`: only `sync` names it")));
        }
    }
}

fn unsafe_code(file: &File<'_>, found: &mut Vec<Finding>) {
    let lines: Vec<&str> = file.text.lines().collect();
    let may = !["src/", "examples/", "xtask/"].iter().any(|part| file.path.starts_with(part))
        || file.path == "src/history/slot.rs"
        || file.room() == Some("sync");
    let words = &file.words.words;
    for (at, word) in words.iter().enumerate().filter(|(_, word)| word.text == "unsafe") {
        if !may {
            let what = "`unsafe` stands only in src/sync and src/history/slot.rs";
            found.push(finding(word.line, "unsafe", what));
        }
        let needs = words.get(at + 1).is_some_and(|next| matches!(next.text, "{" | "impl"));
        if needs && !has_safety(&lines, word.line) {
            let what = "no `// SAFETY:` comment directly above";
            found.push(finding(word.line, "safety", what));
        }
    }
}

/// Whether a `SAFETY:` comment stands above the statement that reaches `line` (counted from 1).
fn has_safety(lines: &[&str], line: usize) -> bool {
    for above in lines[..line - 1].iter().rev().map(|above| above.trim()) {
        if above.starts_with("//") {
            if above.starts_with("// SAFETY:") {
                return true;
            }
        } else if above.is_empty() || (!above.starts_with('#') && above.ends_with([';', '{', '}'])) {
            return false; // Another statement, or the block around this one.
        }
    }
    false
}

fn left_over(file: &File<'_>, found: &mut Vec<Finding>) {
    if !file.path.starts_with("src/") {
        return;
    }
    for three in file.words.words.windows(3) {
        let [name, bang, next] = three else {
            continue;
        };
        if bang.text == "!" && next.text != "=" && LEFT_OVER.contains(&name.text) {
            let what = format!("`{}!` is left in the library", name.text);
            found.push(finding(name.line, "leftover", what));
        }
    }
}

fn ignored(file: &File<'_>, found: &mut Vec<Finding>) {
    let words = &file.words.words;
    for at in 0..words.len() {
        let Some((end, _)) = attribute(words, at) else {
            continue;
        };
        if says_ignore(&words[at..end]) {
            found.push(finding(words[at].line, "ignore", "an ignored test shows nothing"));
        }
    }
    for (at, line) in file.text.lines().enumerate() {
        let doc = line.trim_start().strip_prefix("//").map(|text| text.trim_start_matches(['/', '!']));
        let fence = doc.and_then(|text| text.trim_start().strip_prefix("```"));
        if fence.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == "ignore")) {
            found.push(finding(at + 1, "ignore", "an ignored example shows nothing"));
        }
    }
}

/// `#[ignore]`, `#[ignore = "…"]` or `#[cfg_attr(…, ignore)]`.
fn says_ignore(attribute: &[Word<'_>]) -> bool {
    let mut names = attribute.iter().filter(|word| word.is_name());
    match names.next().map(|word| word.text) {
        Some("ignore") => true,
        Some("cfg_attr") => names.any(|word| word.text == "ignore"),
        _ => false,
    }
}
