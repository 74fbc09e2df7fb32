//! What operations are made of besides operations, read from bytes.
//!
//! Promises a value for every input; at its end, where zeros are read, the plainest one. Kinds and patterns come from
//! an alphabet of three segments, so that they meet often.

use super::{By, FRESH, Filter, OWN_IDS, Options, Own, PAYLOAD, Past, Pattern, Policy, Query, SITES};
use super::{Takes, Told, Way, Whom, Wishes};
use crate::bytes::Bytes;

/// Of one bus.
pub(super) fn options(bytes: &mut Bytes<'_>) -> Options {
    let history = bytes.pick(&[20, 0, 1, 2, 5, 500, 1024]);
    let (shards, strict) = (bytes.pick(&[1, 2, 4]), bytes.rarely(5));
    let limits = [(5, 64), (1, 64), (2, 64), (3, 64), (4, 64), (5, 1), (1, 1), (2, 1), (3, 2), (4, 3)];
    let (depth_limit, hop_limit) = bytes.pick(&limits);
    Options {
        history,
        shards,
        strict,
        depth_limit,
        hop_limit,
        enabled: !bytes.rarely(8),
        bad_hook: bytes.rarely(2),
        deferred: bytes.rarely(3).then(|| bytes.pick(&[1, 2, 1000])),
    }
}

/// Mostly none but an order.
pub(super) fn wishes(bytes: &mut Bytes<'_>) -> Wishes {
    let flags = bytes.byte();
    Wishes {
        named: flags & 1 != 0,
        while_panicking: flags & 6 == 6,
        bad_drop: flags & 0x38 == 0x38,
        order: bytes.pick(&[0, 1, 2, -1, -2]),
        filters: bytes.pick(&FILTERS).to_vec(),
        limit: bytes.rarely(6).then(|| bytes.below(4) as u64),
        policy: match bytes.below(8) {
            0..=4 => Policy::Isolate,
            5 | 6 => Policy::Quarantine(1 + bytes.below(3) as u32),
            _ => Policy::Unwind,
        },
        past: if bytes.rarely(4) { past(bytes) } else { None },
        takes: match bytes.below(16) {
            0..=11 => Takes::Events,
            12 | 13 => Takes::Payloads,
            14 => Takes::Decoded,
            _ => Takes::Impostors,
        },
    }
}

const FILTERS: [&[Filter]; 10] = [
    &[],
    &[],
    &[],
    &[],
    &[],
    &[],
    &[Filter::Thirds],
    &[Filter::Odd],
    &[Filter::Thirds, Filter::Odd],
    &[Filter::Odd, Filter::Thirds],
];

/// Asking for the past without a bound is asking for nothing.
fn past(bytes: &mut Bytes<'_>) -> Option<Past> {
    let newest = bytes.pick(&[Some(3), Some(0), Some(1), Some(1000), None]);
    let since = second(bytes);
    (newest.is_some() || since.is_some()).then_some(Past { newest, since })
}

pub(super) fn told(bytes: &mut Bytes<'_>) -> Told {
    match bytes.below(32) {
        0..=8 => Told::Site(bytes.below(SITES.len())),
        9..=14 => Told::Text(segments(bytes, &["a", "b", "c"])),
        15 | 16 => Told::Fresh(bytes.below(FRESH)),
        17 | 18 => Told::Interned(bytes.below(FRESH)),
        19 => Told::Text(format!("a.unseen{}", bytes.byte())),
        20 => Told::Text(bytes.pick(&["", "a..b", "a.*", "a b"]).to_owned()),
        21..=24 => Told::Payload(bytes.pick(&[Way::Value, Way::Topic, Way::TopicWith, Way::Event])),
        25 => Told::Impostor,
        26 | 27 => Told::Odd,
        _ => Told::Built(bytes.below(SITES.len()), own(bytes)),
    }
}

fn own(bytes: &mut Bytes<'_>) -> Own {
    Own {
        id: u64::from(bytes.u16()) % OWN_IDS,
        time: bytes.below(3) as u64,
        priority: bytes.below(4),
        correlated: bytes.rarely(2),
    }
}

pub(super) fn query(bytes: &mut Bytes<'_>) -> Query {
    Query {
        patterns: patterns(bytes),
        thirds: bytes.rarely(3),
        since: second(bytes),
        until: second(bytes),
        limit: limit(bytes),
    }
}

/// One pattern, or a list; seldom none.
pub(super) fn patterns(bytes: &mut Bytes<'_>) -> Vec<Pattern> {
    let count = bytes.pick(&[1, 1, 1, 1, 1, 2, 3, 0]);
    (0..count).map(|_| pattern(bytes)).collect()
}

fn pattern(bytes: &mut Bytes<'_>) -> Pattern {
    Pattern::Text(match bytes.below(16) {
        0..=2 => "**".to_owned(),
        3..=5 => segments(bytes, &["a", "b", "c"]),
        6..=8 => segments(bytes, &["a", "b", "c", "*", "**"]),
        9 | 10 => bytes.pick(&SITES).to_owned(),
        11 => PAYLOAD.to_owned(),
        12 => "fresh.**".to_owned(),
        13 => bytes.pick(&["", "a..b", "a*", "**.a.**"]).to_owned(),
        _ => return Pattern::Fresh(bytes.below(FRESH)),
    })
}

/// One to three segments of these.
fn segments(bytes: &mut Bytes<'_>, of: &[&str]) -> String {
    let segments: Vec<_> = (0..=bytes.below(3)).map(|_| bytes.pick(of)).collect();
    segments.join(".")
}

pub(super) fn whom(bytes: &mut Bytes<'_>) -> Whom {
    if bytes.rarely(5) { Whom::This } else { Whom::Number(bytes.below(256)) }
}

pub(super) fn by(bytes: &mut Bytes<'_>) -> By {
    bytes.pick(&[By::Id, By::Guard])
}

pub(super) fn limit(bytes: &mut Bytes<'_>) -> usize {
    bytes.pick(&[usize::MAX, 0, 1, 2, 3])
}

/// Seconds since 1970, among the times of events built by hand.
fn second(bytes: &mut Bytes<'_>) -> Option<u64> {
    bytes.pick(&[None, None, None, Some(0), Some(1), Some(2)])
}
