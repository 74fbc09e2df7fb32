//! The parser and the matcher of patterns beside naive ones, and patterns at work on a bus.
//!
//! The input is text, where wrong UTF-8 becomes U+FFFD. Each line is a pattern, or with `>` before it a kind; the first
//! [`LINES`] of each count. Further kinds are made of the patterns, so that there is something to match.

use std::collections::HashSet;

use ringbus::{Bus, IntoSelector, Kind, Outcome, Pattern, PatternError, publish_event};

use crate::naive::{is_blank, is_character, is_kind, is_pattern, is_segment, matches, shortened};

/// So many patterns, and so many kinds.
const LINES: usize = 8;

/// Panics if the bus breaks its word.
pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let lines = || text.split('\n');
    let texts: Vec<&str> = lines().filter(|line| !line.starts_with('>')).take(LINES).collect();
    let mut kinds: Vec<String> =
        lines().filter_map(|line| line.strip_prefix('>')).take(LINES).map(Into::into).collect();
    kinds.extend(texts.iter().flat_map(|text| relatives(text)));

    let mut patterns = Vec::new();
    for text in &texts {
        let parsed = Pattern::new(text);
        assert_eq!(parsed.is_ok(), is_pattern(text), "{text:?}: {parsed:?}");
        assert_eq!(text.parse::<Pattern>(), parsed);
        match parsed {
            Ok(pattern) => {
                good(text, &pattern, &kinds);
                patterns.push(pattern);
            }
            Err(error) => bad(text, &error),
        }
    }
    let none = texts.is_empty().then_some(PatternError::NoPattern);
    let first_bad = none.or_else(|| texts.iter().find_map(|text| Pattern::new(text).err()));
    let listed = texts.clone().into_selector().map(drop);
    assert_eq!(listed.err(), first_bad, "a list is as good as its first bad pattern");
    if patterns.is_empty() {
        assert_eq!((&patterns).into_selector().err(), Some(PatternError::NoPattern));
    } else {
        selector(&patterns, &kinds);
        subscriptions(&patterns, &kinds);
    }
}

/// Kinds near a pattern: it matches some, and misses others narrowly.
fn relatives(pattern: &str) -> Vec<String> {
    let segments: Vec<&str> = pattern.split('.').collect();
    let fill = |doubles: &[&'static str]| {
        let mut kind = Vec::new();
        for segment in &segments {
            match *segment {
                "**" => kind.extend(doubles),
                "*" => kind.push("a"),
                word => kind.push(word),
            }
        }
        kind
    };
    let mut kinds = vec![fill(&[]), fill(&["b"]), fill(&["a", "b.c"])];
    let whole = fill(&["b"]);
    kinds.push(whole[1..].to_vec());
    kinds.push(whole[..whole.len() - 1].to_vec());
    kinds.into_iter().map(|segments| segments.join(".")).collect()
}

fn good(text: &str, pattern: &Pattern, kinds: &[String]) {
    assert_eq!((pattern.as_str(), pattern.to_string()), (text, text.to_owned()));
    assert_eq!(format!("{pattern:?}"), format!("{text:?}"));
    assert_eq!(pattern.is_all(), text == "**");
    assert_eq!(pattern.as_exact(), Some(text).filter(|text| !text.contains('*')));
    // Also on texts that are no kinds.
    for kind in kinds.iter().map(String::as_str).chain(["", ".", "a", text]) {
        assert_eq!(pattern.matches(kind), matches(text, kind), "{text:?} on {kind:?}");
    }
}

fn bad(text: &str, error: &PatternError) {
    let right = match error {
        PatternError::Empty => text.is_empty(),
        PatternError::TooLong { value, bytes, .. } => {
            **value == shortened(text) && text.len() == *bytes && *bytes > 255
        }
        PatternError::EmptySegment { value, index, at, .. } => {
            **value == shortened(text) && is_segment(text, *at, *index, "")
        }
        PatternError::Character { value, segment, index, at, character, .. } => {
            let whole = text.split('.').nth(index - 1).unwrap_or_default();
            **value == shortened(text)
                && is_character(text, *at, *character, *index, segment)
                && (is_blank(*character) || (*character == '*' && whole != "*" && whole != "**"))
        }
        PatternError::SecondDoubleStar { value, index, at, .. } => {
            let doubles = text.split('.').take(*index).filter(|segment| *segment == "**").count();
            **value == shortened(text) && is_segment(text, *at, *index, "**") && doubles == 2
        }
        _ => false,
    };
    assert!(right, "{text:?}: {error:?}");
    let message = error.to_string();
    assert!(message.contains("allowed are") && message.lines().count() == 1 && message.len() < 2000, "{message}");
}

fn selector(patterns: &[Pattern], kinds: &[String]) {
    let selector = patterns.into_selector().unwrap();
    let mut seen = HashSet::new();
    let texts: Vec<&str> = patterns.iter().map(Pattern::as_str).filter(|text| seen.insert(*text)).collect();
    assert!(selector.patterns().iter().map(Pattern::as_str).eq(texts.iter().copied()), "{selector:?}");
    assert_eq!(selector.to_string(), texts.join(", "));
    assert_eq!(selector.is_all(), texts.contains(&"**"));
    assert!(selector.exact().eq(texts.iter().copied().filter(|text| !text.contains('*'))));
    assert_eq!(selector.has_wildcard(), texts.iter().any(|text| text.contains('*') && *text != "**"));
    for kind in kinds {
        assert_eq!(selector.matches(kind), texts.iter().any(|text| matches(text, kind)), "{selector} on {kind:?}");
    }
}

/// One subscription to all patterns together, and one to each.
fn subscriptions(patterns: &[Pattern], kinds: &[String]) {
    let bus = Bus::builder().history(4).shards(1).build().unwrap();
    let _together = bus.on(patterns).unwrap().subscribe(|_| {});
    let _each: Vec<_> = patterns.iter().map(|pattern| bus.on(pattern).unwrap().subscribe(|_| {})).collect();
    let expected = |kind: &str| {
        let each = patterns.iter().filter(|pattern| matches(pattern.as_str(), kind)).count();
        each + usize::from(each > 0)
    };
    for kind in kinds {
        let delivery = publish_event!(bus: &bus, kind: kind);
        if !is_kind(kind) {
            assert_eq!((delivery.outcome, bus.subscriber_count(kind)), (Outcome::InvalidKind, 0), "{kind:?}");
            continue;
        }
        assert_eq!(delivery.delivered as usize, expected(kind), "{patterns:?} on {kind:?}");
        assert_eq!(bus.subscriber_count(kind), expected(kind), "{patterns:?} on {kind:?}");
        let found = bus.history().matching(patterns).unwrap().take(1);
        let newest = found.first().is_some_and(|event| Some(event.id()) == delivery.event.map(|event| event.id()));
        assert_eq!(newest, expected(kind) > 0, "{patterns:?} on {kind:?}");
    }
    // Interned kinds, which the table routes by number: some that it knew first, some that it has to learn.
    macro_rules! sites {
        ($($kind:literal)*) => {$(
            assert_eq!(publish_event!(bus: &bus, $kind).delivered as usize, expected($kind), "{patterns:?}");
            let kind = Kind::from_static($kind).unwrap();
            let delivery = bus.publish(ringbus::Event::builder(kind).build().unwrap());
            assert_eq!(delivery.delivered as usize, expected($kind), "{patterns:?}");
        )*};
    }
    sites!("a" "b" "a.b" "b.a" "a.b.c" "a.a.b.c" "é.a");
}
