//! Patterns: matched segment by segment.

/// Whether one of the patterns matches.
pub(crate) fn selects(patterns: &[String], kind: &str) -> bool {
    patterns.iter().any(|pattern| {
        let (pattern, kind): (Vec<_>, Vec<_>) = (pattern.split('.').collect(), kind.split('.').collect());
        matches(&pattern, &kind)
    })
}

fn matches(pattern: &[&str], kind: &[&str]) -> bool {
    match (pattern, kind) {
        ([], []) => true,
        (["**", rest @ ..], _) => matches(rest, kind) || (!kind.is_empty() && matches(pattern, &kind[1..])),
        (["*", rest @ ..], [_, tail @ ..]) => matches(rest, tail),
        ([want, rest @ ..], [have, tail @ ..]) => want == have && matches(rest, tail),
        _ => false,
    }
}

/// Whether a text is a kind, or with stars a pattern.
pub(crate) fn is_good(text: &str, stars: bool) -> bool {
    let is_star = |segment: &str| stars && (segment == "*" || segment == "**");
    let is_word = |segment: &str| !segment.is_empty() && !segment.contains([' ', '*']);
    text.split('.').all(|segment| is_star(segment) || is_word(segment))
        && text.split('.').filter(|segment| *segment == "**").count() < 2
}
