//! Kinds and patterns, said as naively as it can be: what the targets compare with.

/// Whether `text` is a kind.
pub fn is_kind(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.split('.').all(is_word)
}

/// Whether `text` is a pattern.
pub fn is_pattern(text: &str) -> bool {
    let doubles = text.split('.').filter(|segment| *segment == "**").count();
    (1..=255).contains(&text.len())
        && doubles <= 1
        && text.split('.').all(|segment| segment == "*" || segment == "**" || is_word(segment))
}

/// A segment that stands for itself.
fn is_word(segment: &str) -> bool {
    !segment.is_empty() && !segment.contains('*') && !segment.chars().any(is_blank)
}

pub fn is_blank(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}

/// Whether `pattern`, which is one, matches `kind`.
pub fn matches(pattern: &str, kind: &str) -> bool {
    fn below(pattern: &[&str], kind: &[&str]) -> bool {
        match (pattern, kind) {
            ([], []) => true,
            (["**", rest @ ..], _) => below(rest, kind) || (!kind.is_empty() && below(pattern, &kind[1..])),
            (["*", rest @ ..], [_, kind @ ..]) => below(rest, kind),
            ([segment, rest @ ..], [first, kind @ ..]) => segment == first && below(rest, kind),
            _ => false,
        }
    }
    below(&pattern.split('.').collect::<Vec<_>>(), &kind.split('.').collect::<Vec<_>>())
}

/// The first 80 characters, and a mark where there are more.
pub fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Whether the character `at` is `character`, and stands in the segment `index`, from 1, which shortened is `segment`.
pub fn is_character(text: &str, at: usize, character: char, index: usize, segment: &str) -> bool {
    text.is_char_boundary(at)
        && text[at..].starts_with(character)
        && text[..at].split('.').count() == index
        && text.split('.').nth(index - 1).is_some_and(|whole| shortened(whole) == segment)
}

/// Whether the segment `index`, from 1, begins at `at` and is `segment`.
pub fn is_segment(text: &str, at: usize, index: usize, segment: &str) -> bool {
    let before: usize = text.split('.').take(index - 1).map(|segment| segment.len() + 1).sum();
    before == at && text.split('.').nth(index - 1) == Some(segment)
}
