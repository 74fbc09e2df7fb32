//! The parser of kinds beside the rule, said naively. The input is the text, where wrong UTF-8 becomes U+FFFD.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use ringbus::{BuildError, Bus, Event, Kind, KindError, Outcome, Pattern, publish_event};

use crate::naive::{is_blank, is_character, is_kind, is_segment, shortened};

/// Panics if the bus breaks its word.
pub fn run(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    let parsed = Kind::new(text);
    assert_eq!(parsed.is_ok(), is_kind(text), "{text:?}: {parsed:?}");
    assert_eq!(text.parse::<Kind>(), parsed);
    assert_eq!(Kind::try_from(text), parsed);
    assert_eq!(Kind::try_from(text.to_owned()), parsed);
    match parsed {
        Ok(kind) => good(text, &kind),
        Err(error) => bad(text, &error),
    }
}

fn good(text: &str, kind: &Kind) {
    assert_eq!((kind.as_str(), kind.to_string().as_str(), format!("{kind:?}")), (text, text, format!("{text:?}")));
    assert!(kind.segments().eq(text.split('.')) && kind.segments().rev().eq(text.rsplit('.')));
    assert_eq!(hash(kind), hash(text), "a kind is borrowed as its text");
    // Another one, which has a text of its own, is equal; a longer one is greater.
    let (same, longer) = (Kind::new(text).unwrap(), format!("{text}a"));
    assert!(same == *kind && *kind == text && *kind <= Kind::new("\u{10ffff}").unwrap().max(same));
    if let Ok(longer) = Kind::new(longer) {
        assert!(*kind < longer && *kind != longer);
    }
    assert_eq!(Pattern::from(kind).as_exact(), Some(text));
    assert_eq!(Pattern::new(text).unwrap(), Pattern::from(kind));

    let bus = Bus::builder().history(1).shards(1).build().unwrap();
    let _all = bus.on(kind).unwrap().subscribe(|_| {});
    let delivery = publish_event!(bus: &bus, kind: text);
    assert_eq!((delivery.outcome, delivery.delivered), (Outcome::Published, 1));
    assert_eq!(bus.recent(1)[0].kind(), kind);
    assert_eq!(Event::builder(text).build().unwrap().kind(), kind);
}

fn bad(text: &str, error: &KindError) {
    let right = match error {
        KindError::Empty => text.is_empty(),
        KindError::TooLong { value, bytes, .. } => **value == shortened(text) && text.len() == *bytes && *bytes > 255,
        KindError::EmptySegment { value, index, at, .. } => {
            **value == shortened(text) && is_segment(text, *at, *index, "")
        }
        KindError::Character { value, segment, index, at, character, .. } => {
            **value == shortened(text)
                && is_character(text, *at, *character, *index, segment)
                && (*character == '*' || is_blank(*character))
        }
        _ => false,
    };
    assert!(right, "{text:?}: {error:?}");
    let message = error.to_string();
    assert!(message.contains("allowed are") && message.lines().count() == 1 && message.len() < 2000, "{message}");

    let bus = Bus::builder().history(1).shards(1).build().unwrap();
    let delivery = publish_event!(bus: &bus, kind: text);
    assert_eq!((delivery.outcome, delivery.invalid_kind()), (Outcome::InvalidKind, Some(error)));
    assert_eq!((bus.recent(1).len(), bus.stats().totals.invalid_kinds), (0, 1));
    assert!(matches!(Event::builder(text).build(), Err(BuildError::Kind(same)) if same == *error));
}

fn hash(of: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
