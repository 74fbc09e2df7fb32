//! What a subscription selects: [`Selector`], one or more patterns, and all that becomes one.
//!
//! A selector holds at least one pattern and none twice, in the order given.
//! It refuses an empty list: one that selects nothing is a mistake in the making.

use std::collections::HashSet;
use std::fmt;

use super::kind::Kind;
use super::pattern::{Pattern, PatternError};
use super::text::Text;

/// One or more patterns; selects a kind when one of them does.
///
/// ```
/// use ringbus::{IntoSelector, PatternError};
///
/// let selector = ["db.*", "terminal.**", "db.*"].into_selector()?;
/// assert_eq!(selector.to_string(), "db.*, terminal.**");
/// assert!(selector.matches("terminal.command.started"));
/// assert!(!selector.matches("db"));
///
/// let nothing: [&str; 0] = [];
/// assert_eq!(nothing.into_selector().unwrap_err(), PatternError::NoPattern);
/// # Ok::<(), PatternError>(())
/// ```
///
/// # Cost
///
/// [`matches`](Self::matches) asks pattern after pattern, until one says yes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Selector {
    /// Not empty, no two alike.
    patterns: Box<[Pattern]>,
}

/// What can be made a [`Selector`]: a text, a [`Pattern`], a [`Kind`], or an array, slice or `Vec` of
/// these.
///
/// ```
/// use ringbus::{IntoSelector, Kind};
///
/// let kind = Kind::new("db.error")?;
/// let selector = [kind.clone(), kind].into_selector()?;
/// assert!(selector.exact().eq(["db.error"]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The trait is sealed: only the types named here implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not select kinds",
    label = "not a pattern, a kind, or a list of them",
    note = "give a text such as \"db.*\", a `Pattern`, a `Kind`, or an array, slice or `Vec` of these"
)]
pub trait IntoSelector: sealed::Sealed {
    /// Makes the selector.
    ///
    /// # Errors
    ///
    /// [`PatternError`] for the first text that is no pattern, or for an empty list.
    fn into_selector(self) -> Result<Selector, PatternError>;
}

mod sealed {
    pub trait Sealed {}
}

// === impl Selector ===

impl Selector {
    /// The selector of every kind, `**`.
    ///
    /// ```
    /// use ringbus::Selector;
    ///
    /// assert!(Selector::all().is_all());
    /// ```
    pub fn all() -> Self {
        Self::from(Pattern::all())
    }

    /// Whether one of the patterns matches `kind`.
    ///
    /// ```
    /// # use ringbus::{IntoSelector, PatternError};
    /// assert!(["a.*", "b"].into_selector()?.matches("b"));
    /// # Ok::<(), PatternError>(())
    /// ```
    pub fn matches(&self, kind: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(kind))
    }

    /// Whether `**` is among the patterns, and so every kind selected.
    ///
    /// ```
    /// # use ringbus::{IntoSelector, PatternError};
    /// assert!(["a.*", "**"].into_selector()?.is_all());
    /// # Ok::<(), PatternError>(())
    /// ```
    pub fn is_all(&self) -> bool {
        self.patterns.iter().any(Pattern::is_all)
    }

    /// Whether a pattern is neither `**` nor exact, so that only matching can tell what it selects.
    ///
    /// ```
    /// # use ringbus::{IntoSelector, PatternError};
    /// assert!(["a.*", "b"].into_selector()?.has_wildcard());
    /// assert!(!["**", "b"].into_selector()?.has_wildcard());
    /// # Ok::<(), PatternError>(())
    /// ```
    pub fn has_wildcard(&self) -> bool {
        self.patterns.iter().any(|pattern| !pattern.is_all() && pattern.as_exact().is_none())
    }

    /// The kinds that patterns without wildcards name.
    ///
    /// ```
    /// # use ringbus::{IntoSelector, PatternError};
    /// assert!(["a.*", "b", "c.d"].into_selector()?.exact().eq(["b", "c.d"]));
    /// # Ok::<(), PatternError>(())
    /// ```
    pub fn exact(&self) -> impl Iterator<Item = &str> + Clone {
        self.patterns.iter().filter_map(Pattern::as_exact)
    }

    /// The patterns: at least one, none twice, in the order given.
    ///
    /// ```
    /// # use ringbus::{IntoSelector, PatternError};
    /// assert_eq!(["b", "a.*", "b"].into_selector()?.patterns().len(), 2);
    /// # Ok::<(), PatternError>(())
    /// ```
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// One selector for all that `items` select.
    fn of<T: IntoSelector>(items: impl IntoIterator<Item = T>) -> Result<Self, PatternError> {
        let mut patterns = Vec::new();
        let mut seen = HashSet::new();
        for item in items {
            for pattern in item.into_selector()?.patterns {
                if seen.insert(pattern.clone()) {
                    patterns.push(pattern);
                }
            }
        }
        if patterns.is_empty() { Err(PatternError::NoPattern) } else { Ok(Self { patterns: patterns.into() }) }
    }
}

impl From<Pattern> for Selector {
    fn from(pattern: Pattern) -> Self {
        Self { patterns: Box::new([pattern]) }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, pattern) in self.patterns.iter().enumerate() {
            write!(f, "{}{pattern}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.patterns).finish()
    }
}

// === impl IntoSelector ===

macro_rules! into_selector {
    ($([$($generics:tt)*] $source:ty, $this:ident => $selector:expr;)*) => {$(
        impl<$($generics)*> sealed::Sealed for $source {}

        impl<$($generics)*> IntoSelector for $source {
            fn into_selector(self) -> Result<Selector, PatternError> {
                let $this = self;
                $selector
            }
        }
    )*};
}

into_selector! {
    [] &str, text => Pattern::new(text).map(Selector::from);
    [] String, text => Pattern::new(text).map(Selector::from);
    [] &String, text => Pattern::new(text).map(Selector::from);
    [] Text, text => Pattern::new(text).map(Selector::from);
    [] Pattern, pattern => Ok(pattern.into());
    [] &Pattern, pattern => Ok(pattern.clone().into());
    [] Kind, kind => Ok(Pattern::from(kind).into());
    [] &Kind, kind => Ok(Pattern::from(kind).into());
    [] Selector, selector => Ok(selector);
    [] &Selector, selector => Ok(selector.clone());
    [T: IntoSelector, const N: usize] [T; N], list => Selector::of(list);
    [T: IntoSelector + Clone, const N: usize] &[T; N], list => Selector::of(list.iter().cloned());
    [T: IntoSelector + Clone] &[T], list => Selector::of(list.iter().cloned());
    [T: IntoSelector] Vec<T>, list => Selector::of(list);
    [T: IntoSelector + Clone] &Vec<T>, list => Selector::of(list.iter().cloned());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: impl IntoSelector) -> String {
        source.into_selector().unwrap().to_string()
    }

    #[test]
    fn everything_that_names_patterns_becomes_a_selector() {
        let (text, kind) = (String::from("a.*"), Kind::new("a.b").unwrap());
        let pattern = Pattern::new("**.é").unwrap();
        assert_eq!(shown("a.*"), "a.*");
        assert_eq!(shown(&text), "a.*");
        assert_eq!(shown(Text::from("a.*")), "a.*");
        assert_eq!(shown(&pattern), "**.é");
        assert_eq!(shown(pattern.clone()), "**.é");
        assert_eq!(shown(&kind), "a.b");
        assert_eq!(shown(kind.clone()), "a.b");
        assert_eq!(shown([&kind, &kind]), "a.b");
        let array = [text.clone(), String::from("b")];
        assert_eq!(shown(&array), "a.*, b");
        assert_eq!(shown(&array[..]), "a.*, b");
        assert_eq!(shown(array), "a.*, b");
        let list = vec![pattern.clone(), pattern];
        assert_eq!(shown(&list), "**.é");
        assert_eq!(shown(list), "**.é");
        assert_eq!(shown(vec![text.clone(), "c".into()]), "a.*, c");
        assert_eq!(shown(text), "a.*");
        assert_eq!(shown(Selector::all()), "**");
    }

    #[test]
    fn duplicates_go_and_the_order_stays() {
        let selector = ["b", "a", "b"].into_selector().unwrap();
        assert_eq!(selector.patterns().iter().map(Pattern::as_str).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(shown(["b", "a", "b", "a.*", "a"]), "b, a, a.*");
        assert_eq!(shown([vec!["b", "a"], vec!["a", "c"]]), "b, a, c");
    }

    #[test]
    fn nothing_and_bad_patterns_are_refused() {
        assert_eq!(Vec::<Kind>::new().into_selector(), Err(PatternError::NoPattern));
        assert_eq!((&[] as &[&str]).into_selector(), Err(PatternError::NoPattern));
        assert_eq!(["a", "", "b..c"].into_selector(), Err(PatternError::Empty));
        assert!(matches!("a b".into_selector(), Err(PatternError::Character { at: 1, .. })));
    }

    #[test]
    fn a_selector_selects_what_one_of_its_patterns_does() {
        let selector = ["a.*", "b", "**.é"].into_selector().unwrap();
        for (kind, selected) in [("a.x", true), ("b", true), ("x.y.é", true), ("a", false), ("b.x", false)] {
            assert_eq!(selector.matches(kind), selected, "{kind}");
        }
    }

    #[test]
    fn a_selector_knows_what_it_is_made_of() {
        for (list, all, wildcard, exact) in [
            (&["**"][..], true, false, &[][..]),
            (&["a", "b.c"], false, false, &["a", "b.c"]),
            (&["a.**"], false, true, &[]),
            (&["*", "a", "**"], true, true, &["a"]),
        ] {
            let selector = list.into_selector().unwrap();
            assert_eq!((selector.is_all(), selector.has_wildcard()), (all, wildcard), "{selector}");
            assert!(selector.exact().eq(exact.iter().copied()), "{selector}");
            assert_eq!(format!("{selector:?}"), format!("{list:?}"));
        }
    }
}
