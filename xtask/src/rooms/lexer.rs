//! Rust source as words: identifiers, `::` and single signs, each with its line.
//!
//! Promises that comments, strings and characters never look like code, and that source which is
//! not finished does no harm. Refuses to understand more: no items, no types, no macro expansion.

/// One word of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// An identifier, a number, a lifetime (with its quote), `::` or one sign.
    pub(super) text: &'a str,
    /// Its line, from 1.
    pub(super) line: usize,
    /// Inside an item marked `#[cfg(test)]`; `marks` fills it in.
    pub(super) test: bool,
    /// How many inline modules (`mod x { … }`) enclose it; `marks` fills it in.
    pub(super) depth: usize,
}

impl Word<'_> {
    /// Whether it is an identifier or keyword.
    pub(super) fn is_name(&self) -> bool {
        self.text.bytes().next().is_some_and(|b| begins_name(b) && !b.is_ascii_digit())
    }
}

fn begins_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

// === cutting ===

/// Cuts a source into words, not marked yet.
pub(super) fn words(source: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(&byte) = source.as_bytes().get(at) {
        let rest = &source[at..];
        let (length, is_code) = match byte {
            b'/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), false),
            b'/' if rest.starts_with("/*") => (comment(rest), false),
            b'"' => (string(rest), false),
            b'\'' => quote(rest),
            b':' if rest.starts_with("::") => (2, true),
            _ if begins_name(byte) => match raw_string(rest) {
                Some(length) => (length, false),
                None => (name(rest), true),
            },
            _ => (1, !byte.is_ascii_whitespace()),
        };
        let text = &rest[..length];
        if is_code {
            let text = text.strip_prefix("r#").unwrap_or(text);
            words.push(Word { text, line, test: false, depth: 0 });
        }
        line += text.bytes().filter(|&b| b == b'\n').count();
        at += length;
    }
    words
}

/// The length of a name, or of a raw one (`r#type`).
fn name(rest: &str) -> usize {
    let hash = if rest.starts_with("r#") { 2 } else { 0 };
    let tail = &rest.as_bytes()[hash..];
    hash + tail.iter().position(|&b| !begins_name(b)).unwrap_or(tail.len())
}

/// The length of a comment in `/* */`, which nest.
fn comment(rest: &str) -> usize {
    let (mut at, mut open) = (2, 1);
    while open > 0 && at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (at, open) = (at + 2, open + 1),
            [b'*', b'/', ..] => (at, open) = (at + 2, open - 1),
            _ => at += 1,
        }
    }
    at.min(rest.len())
}

/// The length of a string with escapes.
fn string(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    // An escaped character of several bytes cannot be: the end is a character's end.
    (at + 1).min(bytes.len())
}

/// The length of a raw string, if here is one: `r"…"`, `br#"…"#`, `cr"…"`.
fn raw_string(rest: &str) -> Option<usize> {
    let after = ["r", "br", "cr"].into_iter().find_map(|prefix| {
        let tail = rest.strip_prefix(prefix)?;
        tail.trim_start_matches('#').starts_with('"').then_some(tail)
    })?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = &after[hashes + 1..];
    let close = format!("\"{}", "#".repeat(hashes));
    let end = body.find(&close).map_or(body.len(), |end| end + close.len());
    Some(rest.len() - body.len() + end)
}

/// A character (no code) or a lifetime (code), after a single quote.
fn quote(rest: &str) -> (usize, bool) {
    let mut chars = rest[1..].char_indices();
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let from = 1 + at + escaped.len_utf8();
            (rest[from..].find('\'').map_or(rest.len(), |end| from + end + 1), false)
        }
        (Some(_), Some((at, '\''))) => (1 + at + 1, false),
        _ => (1 + name(&rest[1..]), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        words(source).iter().map(|word| word.text).collect()
    }

    #[test]
    fn comments_strings_and_characters_are_no_code() {
        let source = r###"a /* b /* c */ d */ e // f
            "g \" h" r"i" br##"j "# k"## c"l" 'm' '\'' b'n' '\u{6f}' 'é' 'static r#type "p
            q" s::<'t>"###;
        assert_eq!(texts(source).join(" "), "a e c b 'static type s :: < 't >");
        let last = words(source).pop().expect("words");
        assert_eq!((last.text, last.line), (">", 3));
    }

    #[test]
    fn unfinished_source_ends() {
        for source in ["\"", "\"\\", "/*", "'", "'\\", "r#\"", "#[cfg(test", "}", "mod", "'\\é"] {
            let _ = words(source);
        }
    }
}
