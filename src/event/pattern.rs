//! What selects kinds: [`Pattern`].
//!
//! A pattern is split once, when it is made. Matching then walks the kind's segments from the front
//! along what stands before `**`, and from the back along what stands after it: each byte of the kind is
//! looked at a fixed number of times, nothing is tried twice, nothing allocated.
//!
//! It refuses a second `**`, which would need backtracking, and wildcards inside a segment (`a*b`).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use super::kind::Kind;
use super::kind::rule::{Fault, Stars, fault, shorten};

mod error;

pub use self::error::PatternError;

/// Selects kinds by their segments.
///
/// `*` stands for exactly one segment, `**` for any number of them, none included; `**` may stand
/// anywhere, but once. Every other segment stands for itself, so every [`Kind`] is also a pattern.
/// 1 to 255 bytes.
///
/// ```
/// use ringbus::Pattern;
///
/// let pattern: Pattern = "db.**.error".parse()?;
/// assert!(pattern.matches("db.error"));
/// assert!(pattern.matches("db.pool.7.error"));
/// assert!(!pattern.matches("db.error.cleared"));
///
/// let error = Pattern::new("db.pool*").unwrap_err();
/// assert!(error.to_string().contains("'*' in segment 2, \"pool*\" (at byte 7)"));
/// # Ok::<(), ringbus::PatternError>(())
/// ```
///
/// # Cost
///
/// [`matches`](Self::matches) takes time in proportion to the length of the kind, and allocates nothing.
#[derive(Clone)]
pub struct Pattern {
    text: Arc<str>,
    shape: Shape,
}

#[derive(Clone)]
enum Shape {
    /// No wildcard.
    Exact,
    /// `**` alone.
    All,
    /// As many segments as `front`, which may hold `*`.
    Fixed { front: Box<[Segment]> },
    /// `front`, then `**`, then `back`.
    Open { front: Box<[Segment]>, back: Box<[Segment]> },
}

/// A segment to compare with, or `None` for `*`.
type Segment = Option<Box<str>>;

// === impl Pattern ===

impl Pattern {
    /// The pattern written as `text`.
    ///
    /// ```
    /// use ringbus::Pattern;
    ///
    /// assert!(Pattern::new("thread.*.event")?.matches("thread.7.event"));
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PatternError`] when `text` breaks the rule given at [`Pattern`].
    pub fn new(text: impl AsRef<str>) -> Result<Self, PatternError> {
        let text = text.as_ref();
        if let Some(fault) = fault(text, Stars::Allowed) {
            return Err(PatternError::new(text, fault));
        }
        Ok(Self { shape: Shape::new(text)?, text: text.into() })
    }

    /// The pattern that matches every kind, `**`.
    ///
    /// ```
    /// use ringbus::Pattern;
    ///
    /// assert_eq!(Pattern::all(), "**".parse()?);
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn all() -> Self {
        Self { text: "**".into(), shape: Shape::All }
    }

    /// Whether the pattern selects `kind`.
    ///
    /// Text that is no [`Kind`] is split at its dots all the same.
    ///
    /// ```
    /// use ringbus::Pattern;
    ///
    /// let pattern = Pattern::new("terminal.**")?;
    /// assert!(pattern.matches("terminal.command.started"));
    /// assert!(pattern.matches("terminal"));
    /// assert!(!pattern.matches("terminals"));
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn matches(&self, kind: &str) -> bool {
        fn same((want, have): (&Segment, Option<&str>)) -> bool {
            // No segment left is no match, not even for `*`.
            have.is_some_and(|have| want.as_deref().is_none_or(|want| want == have))
        }

        let mut rest = kind.split('.');
        match &self.shape {
            Shape::Exact => *self.text == *kind,
            Shape::All => true,
            Shape::Fixed { front } => front.iter().all(|want| same((want, rest.next()))) && rest.next().is_none(),
            Shape::Open { front, back } => {
                front.iter().all(|want| same((want, rest.next())))
                    && back.iter().rev().all(|want| same((want, rest.next_back())))
            }
        }
    }

    /// Whether the pattern is `**`, which matches every kind.
    ///
    /// ```
    /// # use ringbus::Pattern;
    /// assert!(Pattern::new("**")?.is_all());
    /// assert!(!Pattern::new("a.**")?.is_all());
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn is_all(&self) -> bool {
        matches!(self.shape, Shape::All)
    }

    /// The one kind that the pattern matches, if it has no wildcard.
    ///
    /// ```
    /// # use ringbus::Pattern;
    /// assert_eq!(Pattern::new("a.b")?.as_exact(), Some("a.b"));
    /// assert_eq!(Pattern::new("a.*")?.as_exact(), None);
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn as_exact(&self) -> Option<&str> {
        matches!(self.shape, Shape::Exact).then_some(&*self.text)
    }

    /// The text, as it was given.
    ///
    /// ```
    /// # use ringbus::Pattern;
    /// assert_eq!(Pattern::new("a.**")?.as_str(), "a.**");
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Shape {
    /// The shape of a text whose characters and dots are in order.
    fn new(text: &str) -> Result<Self, PatternError> {
        let mut front = Vec::new();
        let mut back = None;
        let (mut at, mut plain) = (0, true);
        for (before, segment) in text.split('.').enumerate() {
            let index = before + 1;
            match segment {
                "**" if back.is_some() => {
                    return Err(PatternError::SecondDoubleStar { value: shorten(text), index, at });
                }
                "**" => back = Some(Vec::new()),
                "*" => {
                    plain = false;
                    back.as_mut().unwrap_or(&mut front).push(None);
                }
                _ => match segment.find('*') {
                    Some(star) => {
                        return Err(PatternError::new(text, Fault::Character { at: at + star }));
                    }
                    None => back.as_mut().unwrap_or(&mut front).push(Some(segment.into())),
                },
            }
            at += segment.len() + 1;
        }
        Ok(match back {
            Some(back) if front.is_empty() && back.is_empty() => Self::All,
            Some(back) => Self::Open { front: front.into(), back: back.into() },
            None if plain => Self::Exact,
            None => Self::Fixed { front: front.into() },
        })
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}

impl AsRef<str> for Pattern {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Pattern {
    type Error = PatternError;

    fn try_from(text: &str) -> Result<Self, PatternError> {
        Self::new(text)
    }
}

impl From<&Kind> for Pattern {
    fn from(kind: &Kind) -> Self {
        Self { text: kind.as_str().into(), shape: Shape::Exact }
    }
}

impl From<Kind> for Pattern {
    fn from(kind: Kind) -> Self {
        Self::from(&kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    #[track_caller]
    fn check(text: &str, matching: &[&str], other: &[&str]) {
        let pattern = pattern(text);
        for kind in matching {
            assert!(pattern.matches(kind), "{text} should match {kind}");
        }
        for kind in other {
            assert!(!pattern.matches(kind), "{text} should not match {kind}");
        }
    }

    #[test]
    fn patterns_compare_and_hash_as_text() {
        use std::hash::{BuildHasher, RandomState};
        let (one, same, other) = (pattern("a.*"), pattern("a.*"), pattern("a.**"));
        assert!(one == same && one != other && one.as_ref() == "a.*");
        let state = RandomState::new();
        assert_eq!(state.hash_one(&one), state.hash_one(&same));
        assert_ne!(state.hash_one(&one), state.hash_one(&other), "all in one bucket");
    }

    #[test]
    fn an_exact_pattern_matches_itself() {
        check("a.é", &["a.é"], &["a", "a.é.b", "b.é", "a.è", "A.é", "a.éé", "aé"]);
    }

    #[test]
    fn a_star_is_exactly_one_segment() {
        check("*", &["a", "é:/", "日本"], &["a.b"]);
        check("a.*", &["a.b", "a.é"], &["a", "a.b.c", "b.b", "ab.c"]);
        check("*.b", &["a.b"], &["b", "a.a.b", "a.bb"]);
        check("a.*.c", &["a.b.c", "a.c.c"], &["a.c", "a.b.b.c", "a.b.d"]);
        check("*.*", &["a.b"], &["a", "a.b.c"]);
    }

    #[test]
    fn a_double_star_is_zero_or_more_segments() {
        check("**", &["a", "a.b", "a.b.c.d.e"], &[]);
        check("a.**", &["a", "a.b", "a.b.c"], &["b", "ab", "ab.c", "b.a"]);
        check("**.b", &["b", "a.b", "b.b", "a.b.b"], &["a", "b.a", "ab", "a.bb"]);
        check("a.**.b", &["a.b", "a.x.b", "a.x.y.b", "a.a.b.b"], &["a", "b", "ab", "b.a", "a.b.x", "x.a.b"]);
        check("a.**.a", &["a.a", "a.b.a"], &["a"]);
        check("a.b.**.b.c", &["a.b.b.c", "a.b.x.b.c"], &["a.b.c"]);
    }

    #[test]
    fn stars_and_a_double_star_go_together() {
        check("*.**", &["a", "a.b", "a.b.c"], &[]);
        check("*.**.*", &["a.b", "a.b.c", "a.b.c.d"], &["a"]);
        check("a.*.**.é.*", &["a.x.é.y", "a.x.1.2.é.y"], &["a.é.y", "a.x.é", "a.x.é.y.z"]);
    }

    #[test]
    fn patterns_know_their_shape() {
        for (text, all, exact) in [
            ("**", true, false),
            ("*.**", false, false),
            ("*", false, false),
            ("a.*", false, false),
            ("a.b", false, true),
        ] {
            let pattern = pattern(text);
            assert_eq!((pattern.is_all(), pattern.as_exact()), (all, exact.then_some(text)));
            assert_eq!((pattern.as_str(), pattern.to_string()), (text, text.to_owned()));
        }
        assert_eq!(Pattern::all(), pattern("**"));
        assert!(Pattern::all().is_all());
    }

    #[test]
    fn a_kind_is_the_pattern_of_itself() {
        let kind = Kind::new("a:/é.b").unwrap();
        assert_eq!(Pattern::from(&kind).as_exact(), Some("a:/é.b"));
        assert_eq!(HashSet::from([Pattern::from(kind), pattern("a:/é.b")]).len(), 1);
    }

    /// What patterns mean, by definition.
    fn naive(pattern: &[&str], kind: &[&str]) -> bool {
        match (pattern, kind) {
            (["**", rest @ ..], _) => naive(rest, kind) || matches!(kind, [_, kinds @ ..] if naive(pattern, kinds)),
            ([first, rest @ ..], [kind, kinds @ ..]) => (*first == "*" || first == kind) && naive(rest, kinds),
            ([], []) => true,
            _ => false,
        }
    }

    #[test]
    fn matching_agrees_with_the_definition() {
        const WORDS: [&str; 6] = ["a", "b", "aa", "é", "*", "**"];
        // Xorshift (Marsaglia 2003), from a fixed start.
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut below = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as usize % bound
        };
        let (mut matched, mut refused) = (0, 0);
        for _ in 0..20_000 {
            let wanted: Vec<_> = (0..=below(5)).map(|_| WORDS[below(6)]).collect();
            let kind: Vec<_> = (0..=below(6)).map(|_| WORDS[below(4)]).collect();
            let (text, name) = (wanted.join("."), kind.join("."));
            if wanted.iter().filter(|word| **word == "**").count() > 1 {
                assert!(Pattern::new(&text).is_err(), "{text}");
                refused += 1;
                continue;
            }
            let expected = naive(&wanted, &kind);
            assert_eq!(pattern(&text).matches(&name), expected, "{text} on {name}");
            matched += usize::from(expected);
        }
        assert!(matched > 1_000 && refused > 1_000, "{matched} matched, {refused} refused");
    }
}
