//! The paths that a source names, braces written out: `use a::{b, c::d};` names `a::b` and `a::c::d`.
//!
//! Promises every path once, with its line. Does not follow aliases, and leaves out what a macro
//! says about its user's crate (`$crate::…`).

use super::lexer::Word;

/// A path, from its first segment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path<'a> {
    /// Its segments; a glob is `*`, a `self` at the end of a group is left out.
    pub(super) segments: Vec<&'a str>,
    pub(super) line: usize,
    pub(super) test: bool,
    pub(super) depth: usize,
    /// Whether a `use` or `extern crate` brings it in.
    pub(super) import: bool,
}

/// All paths of two segments or more, and imported names.
pub(super) fn paths<'a>(words: &[Word<'a>]) -> Vec<Path<'a>> {
    let mut reader = Reader { words, found: Vec::new(), import: false };
    let mut at = 0;
    while at < words.len() {
        let before = at.checked_sub(1).map_or("", |before| words[before].text);
        reader.import = match before {
            "use" => true,
            "crate" => at >= 2 && words[at - 2].text == "extern",
            _ => false,
        };
        let first = at + usize::from(words[at].text == "::");
        let is_start = words.get(first).is_some_and(Word::is_name) && !matches!(before, "$" | ".");
        at = match words[at].text {
            "{" if reader.import => reader.group(at, &[]),
            "::" if reader.goes_on(at) => reader.rest(at),
            _ if is_start && !is_keyword(words[first].text) => reader.tree(first, &[]),
            _ => at + 1,
        };
    }
    reader.found
}

/// Keywords after which a path may begin, but which are none.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "use"
            | "extern"
            | "pub"
            | "in"
            | "as"
            | "mod"
            | "fn"
            | "let"
            | "impl"
            | "for"
            | "where"
            | "dyn"
            | "return"
            | "match"
            | "if"
            | "else"
            | "unsafe"
            | "const"
            | "static"
            | "mut"
            | "ref"
            | "move"
    )
}

struct Reader<'w, 'a> {
    words: &'w [Word<'a>],
    found: Vec<Path<'a>>,
    import: bool,
}

// === impl Reader ===

impl<'a> Reader<'_, 'a> {
    fn text(&self, at: usize) -> &'a str {
        self.words.get(at).map_or("", |word| word.text)
    }

    /// Whether the `::` at `at` continues a path (`$crate::`, `Vec<T>::`) and does not begin one.
    fn goes_on(&self, at: usize) -> bool {
        let before = |back: usize| at.checked_sub(back).map(|at| &self.words[at]);
        match (before(2).map_or("", |word| word.text), before(1)) {
            ("-" | "=", Some(word)) if word.text == ">" => false, // `-> ::std::…`
            (_, Some(word)) => word.text == ">" || (word.is_name() && !is_keyword(word.text)),
            (_, None) => false,
        }
    }

    /// The place after the segments that follow the `::` at `at`.
    fn rest(&self, mut at: usize) -> usize {
        while self.text(at) == "::" {
            at += 1;
            at += usize::from(self.words.get(at).is_some_and(Word::is_name));
        }
        at
    }

    /// Reads the path that begins at `at`, after `prefix`. Returns where reading goes on.
    fn tree(&mut self, mut at: usize, prefix: &[&'a str]) -> usize {
        let start = at;
        let mut segments = prefix.to_vec();
        while let Some(word) = self.words.get(at) {
            match word.text {
                "{" => return self.group(at, &segments),
                "self" if !segments.is_empty() => {}
                "*" => segments.push("*"),
                text if word.is_name() => segments.push(text),
                _ => break, // `::<` of generic arguments, or the end of a group.
            }
            at += 1;
            if self.text(at) != "::" {
                break;
            }
            at += 1;
        }
        let Some(word) = self.words.get(start) else {
            return at;
        };
        if segments.len() > 1 || (self.import && !segments.is_empty()) {
            let (line, test, depth) = (word.line, word.test, word.depth);
            self.found.push(Path { segments, line, test, depth, import: self.import });
        }
        at.max(start + 1)
    }

    /// Reads `{a, b::c}`, which opens at `at`. Returns the place after its closing brace.
    fn group(&mut self, at: usize, prefix: &[&'a str]) -> usize {
        let mut at = at + 1;
        while at < self.words.len() && self.text(at) != "}" {
            at = match self.text(at) {
                "," | "::" => at + 1,
                "as" => at + 2,
                _ => self.tree(at, prefix),
            };
        }
        at + 1
    }
}

#[cfg(test)]
mod tests {
    use super::super::marks::cut;
    use super::*;

    fn named(source: &str) -> Vec<String> {
        paths(&cut(source).words).iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn groups_are_written_out() {
        assert_eq!(
            named("use std::{sync::{self, Arc, atomic::{AtomicU64 as A, *}}, fmt};\nuse x;"),
            ["std::sync", "std::sync::Arc", "std::sync::atomic::AtomicU64", "std::sync::atomic::*", "std::fmt", "x"]
        );
        assert_eq!(named("pub use {a::b, c}; d"), ["a::b", "c"]);
    }

    #[test]
    fn paths_in_code_are_found() {
        assert_eq!(
            named("fn f(a: &crate::bus::Bus) -> ::std::fmt::Result { Vec::<x::Y>::new().z::<w::V>() }"),
            ["crate::bus::Bus", "std::fmt::Result", "x::Y", "w::V"]
        );
        assert_eq!(
            named("pub(in crate::event) fn g() { self.loom.push(super::super::h()) }"),
            ["crate::event", "super::super::h"]
        );
        assert_eq!(named("extern crate loom; pub(crate) fn i() {}"), ["loom"]);
    }

    #[test]
    fn what_a_macro_says_about_its_user_is_left_out() {
        assert_eq!(named("$crate::bus::Bus::new(); $x.y; a::b!()"), ["a::b"]);
    }

    #[test]
    fn unfinished_source_ends() {
        for source in ["use a::", "use a::{", "use {", "::", "a::{b::{", "use a::{,}", "use a::{%}"] {
            let _ = named(source);
        }
    }
}
