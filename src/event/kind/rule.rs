//! What a good name is, and where a bad one breaks: one rule for kinds and for the raw text of patterns.
//!
//! The rule is `const`, so that the compiler checks literal kinds with the very same code that checks
//! wire data. Nothing here allocates until there is a fault to report.

/// The longest kind, and the longest pattern, in bytes.
const MAX_BYTES: usize = 255;

/// Whether a text may hold `*`: a pattern's may, a kind's may not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stars {
    Allowed,
    Refused,
}

/// What is wrong with a text, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Empty,
    TooLong,
    EmptySegment { at: usize },
    Character { at: usize },
}

/// The first fault of `text`, as a kind or (with stars) as the raw text of a pattern.
pub(crate) const fn fault(text: &str, stars: Stars) -> Option<Fault> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Some(Fault::Empty);
    }
    if bytes.len() > MAX_BYTES {
        return Some(Fault::TooLong);
    }
    let (mut at, mut segment) = (0, 0);
    while at < bytes.len() {
        // Most bytes are letters and digits; only others need a closer look.
        if matches!(bytes[at], b'/'..=b'~') {
            at += 1;
            continue;
        }
        let (code, width) = decode(bytes, at);
        match code {
            0x2E if at == segment => return Some(Fault::EmptySegment { at }),
            0x2E => segment = at + 1,
            0x2A if matches!(stars, Stars::Refused) => return Some(Fault::Character { at }),
            _ if is_blank(code) => return Some(Fault::Character { at }),
            _ => {}
        }
        at += width;
    }
    if segment == at { Some(Fault::EmptySegment { at }) } else { None }
}

/// The code point of valid UTF-8 that begins at `at`, and its width. By hand: `str::chars` is not `const`.
const fn decode(bytes: &[u8], at: usize) -> (u32, usize) {
    const fn tail(byte: u8) -> u32 {
        (byte & 0x3F) as u32
    }
    let first = bytes[at] as u32;
    match first {
        0..=0x7F => (first, 1),
        0x80..=0xDF => ((first & 0x1F) << 6 | tail(bytes[at + 1]), 2),
        0xE0..=0xEF => ((first & 0x0F) << 12 | tail(bytes[at + 1]) << 6 | tail(bytes[at + 2]), 3),
        _ => {
            let upper = (first & 0x07) << 18 | tail(bytes[at + 1]) << 12;
            (upper | tail(bytes[at + 2]) << 6 | tail(bytes[at + 3]), 4)
        }
    }
}

/// `char::is_whitespace` or `char::is_control`, which are not `const` in the oldest compiler supported.
const fn is_blank(code: u32) -> bool {
    matches!(
        code,
        0..=0x20 | 0x7F..=0xA0 | 0x1680 | 0x2000..=0x200A | 0x2028 | 0x2029 | 0x202F | 0x205F | 0x3000
    )
}

/// Passes a literal kind on, or stops the compiler with the reason.
///
/// # Panics
///
/// When `text` is not a kind; in a `const` context that is a compile error.
#[doc(hidden)]
pub const fn checked_kind(text: &'static str) -> &'static str {
    match fault(text, Stars::Refused) {
        None => text,
        Some(Fault::Empty) => panic!("the kind of an event must not be empty"),
        Some(Fault::TooLong) => panic!("the kind of an event must not be longer than 255 bytes"),
        Some(Fault::EmptySegment { .. }) => {
            panic!("the kind of an event must not have an empty segment: no `.` at its ends, no `..`")
        }
        Some(Fault::Character { .. }) => {
            panic!("the kind of an event must not contain `*`, white space or control characters")
        }
    }
}

// === words for errors ===

/// At most 80 characters of `text`, and `…` in place of the rest: for error messages.
pub(crate) fn shorten(text: &str) -> Box<str> {
    match text.char_indices().nth(80) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

/// The segment around or at byte `at`, and its number from 1.
pub(crate) fn segment_at(text: &str, at: usize) -> (usize, &str) {
    let (before, after) = text.split_at(at);
    let start = before.rfind('.').map_or(0, |dot| dot + 1);
    let end = at + after.find('.').unwrap_or(after.len());
    (before.matches('.').count() + 1, &text[start..end])
}

/// The character that begins at byte `at`.
pub(crate) fn char_at(text: &str, at: usize) -> char {
    text[at..].chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_agrees_with_std_on_every_character() {
        for character in '\0'..=char::MAX {
            let mut buffer = [0; 4];
            let text = character.encode_utf8(&mut buffer);
            assert_eq!(decode(text.as_bytes(), 0), (character as u32, text.len()));
            let blank = character.is_whitespace() || character.is_control();
            assert_eq!(is_blank(character as u32), blank, "{character:?}");
        }
    }

    #[test]
    fn the_compiler_checks_literal_kinds_by_the_same_rule() {
        const { assert!(checked_kind("größe./a:b.日本").len() > 3) }
        for (text, words) in [
            ("", "empty"),
            ("a..b", "empty segment"),
            ("a.*", "`*`"),
            ("a\u{2003}b", "white space"),
            (Box::leak("x".repeat(256).into_boxed_str()), "255"),
        ] {
            let panic = std::panic::catch_unwind(|| checked_kind(text)).unwrap_err();
            let message = panic.downcast_ref::<&str>().unwrap();
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn shortening_keeps_80_characters_whole() {
        let fits = "é".repeat(80);
        assert_eq!(&*shorten(&fits), fits);
        assert_eq!(&*shorten(&format!("{fits}ab")), format!("{fits}…"));
    }
}
