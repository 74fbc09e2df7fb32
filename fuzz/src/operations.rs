//! The bus beside the reference bus of `tests/reference`: an input is read as options and operations, which its driver
//! performs on both.
//!
//! What can be done is said there, and named here, under the name by which the reference's files know it.

use crate::bytes::Bytes;
use crate::drive::compare;

#[path = "../../tests/reference/operations.rs"]
mod vocabulary;

pub(crate) use vocabulary::*;

/// Most operations that are made of an input, besides those of handlers.
const OPERATIONS: usize = 40;

/// Most events that are published in bursts.
const BURSTS: usize = 2500;

/// How many forms of operations there are; see [`form`].
pub const FORMS: usize = 18;

/// How deep handlers may subscribe handlers that subscribe.
const DEPTH: usize = 2;

/// Panics if the two buses differ.
pub fn run(input: &[u8]) {
    let (options, operations) = read(input);
    compare(&options, &operations);
}

/// The forms of the operations in an input.
pub fn forms(input: &[u8]) -> Vec<usize> {
    read(input).1.iter().map(form).collect()
}

fn read(input: &[u8]) -> (Options, Vec<Operation>) {
    let mut bytes = Bytes::new(input);
    let options = options(&mut bytes);
    let (mut operations, mut left) = (Vec::new(), BURSTS);
    while !bytes.is_empty() && operations.len() < OPERATIONS {
        let mut operation = outside(&mut bytes);
        if let Operation::Burst(_, count) = &mut operation {
            *count = left.min(*count);
            left -= *count;
        }
        operations.push(operation);
    }
    (options, operations)
}

/// Each form has a number, so that a test can tell whether all are in the corpus. Whoever adds one adds it below too.
fn form(operation: &Operation) -> usize {
    match operation {
        Operation::Subscribe(_) => 0,
        Operation::SubscribeObject(..) => 1,
        Operation::UnsubscribeObject(_) => 2,
        Operation::Publish(_) => 3,
        Operation::PublishElsewhere(_) => 4,
        Operation::Burst(..) => 5,
        Operation::Republish(_) => 6,
        Operation::Drop(_) => 7,
        Operation::Unsubscribe(_) => 8,
        Operation::Close(_) => 9,
        Operation::Detach(_) => 10,
        Operation::Mute(..) => 11,
        Operation::Resume(_) => 12,
        Operation::Enable(_) => 13,
        Operation::Reset => 14,
        Operation::Recent(_) => 15,
        Operation::Follow => 16,
        Operation::Query(..) => 17,
    }
}

// === from bytes ===

fn options(bytes: &mut Bytes<'_>) -> Options {
    Options {
        history: bytes.pick(&[500, 0, 1, 2, 5, 1024]),
        shards: bytes.pick(&[1, 2, 4]),
        depth_limit: 1 + bytes.below(5),
        enabled: !bytes.rarely(8),
        bad_hook: bytes.rarely(2),
        deferred: bytes.rarely(3).then(|| bytes.pick(&[1, 2, 1000])),
    }
}

/// What is not done inside of handlers too, or more often.
fn outside(bytes: &mut Bytes<'_>) -> Operation {
    match bytes.below(16) {
        0..=2 => Operation::Subscribe(request(bytes, DEPTH)),
        3 | 4 => Operation::Publish(told(bytes)),
        5 => Operation::PublishElsewhere(told(bytes)),
        6 => Operation::SubscribeObject(bytes.below(2), request(bytes, DEPTH)),
        7 => Operation::UnsubscribeObject(bytes.below(2)),
        8 => Operation::Burst(bytes.below(SITES.len()), usize::from(bytes.u16()) % 1500),
        _ => inside(bytes, DEPTH),
    }
}

fn inside(bytes: &mut Bytes<'_>, depth: usize) -> Operation {
    match bytes.below(16) {
        0 | 1 => Operation::Publish(told(bytes)),
        2 if depth > 0 => Operation::Subscribe(request(bytes, depth - 1)),
        2 | 3 => Operation::Republish(bytes.below(3)),
        4 => Operation::Drop(whom(bytes)),
        5 => Operation::Unsubscribe(whom(bytes)),
        6 => Operation::Close(whom(bytes)),
        7 => Operation::Detach(whom(bytes)),
        8 => Operation::Mute(whom(bytes), bytes.rarely(2)),
        9 => Operation::Resume(whom(bytes)),
        10 => Operation::Enable(!bytes.rarely(4)),
        11 => Operation::Reset,
        12 => Operation::Recent(limit(bytes)),
        13 => Operation::Follow,
        _ => Operation::Query(patterns(bytes), bytes.rarely(2), limit(bytes)),
    }
}

fn request(bytes: &mut Bytes<'_>, depth: usize) -> Request {
    Request {
        patterns: patterns(bytes),
        wishes: wishes(bytes),
        action: bytes.rarely(2).then(|| Box::new(inside(bytes, depth))),
        end: bytes.pick(&[End::Fine, End::Fine, End::Fine, End::Error, End::Panic]),
    }
}

/// Mostly none but an order.
fn wishes(bytes: &mut Bytes<'_>) -> Wishes {
    Wishes {
        order: bytes.pick(&[0, 1, 2, -1, -2]),
        filter: bytes.rarely(8),
        limit: bytes.rarely(6).then(|| bytes.below(4) as u64),
        quarantine_after: bytes.rarely(6).then(|| 1 + bytes.below(2) as u32),
        replay: bytes.rarely(5).then(|| bytes.pick(&[3, 0, 1, 1000])),
    }
}

fn told(bytes: &mut Bytes<'_>) -> Told {
    match bytes.below(16) {
        0..=6 => Told::Site(bytes.below(SITES.len())),
        7..=10 => Told::Text(segments(bytes, &["a", "b", "c"])),
        11 | 12 => Told::Fresh(bytes.below(FRESH)),
        13 => Told::Interned(bytes.below(FRESH)),
        14 => Told::Text(format!("a.unseen{}", bytes.byte())),
        _ => Told::Text(bytes.pick(&["", "a..b", "a.*", "a b"]).to_owned()),
    }
}

/// One pattern, or a list; seldom none.
fn patterns(bytes: &mut Bytes<'_>) -> Vec<Pattern> {
    let count = bytes.pick(&[1, 1, 1, 1, 1, 2, 3, 0]);
    (0..count).map(|_| pattern(bytes)).collect()
}

fn pattern(bytes: &mut Bytes<'_>) -> Pattern {
    Pattern::Text(match bytes.below(16) {
        0..=3 => segments(bytes, &["a", "b", "c"]),
        4..=7 => segments(bytes, &["a", "b", "c", "*", "**"]),
        8..=10 => bytes.pick(&SITES).to_owned(),
        11 => "**".to_owned(),
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

fn whom(bytes: &mut Bytes<'_>) -> Whom {
    if bytes.rarely(5) { Whom::This } else { Whom::Number(bytes.below(256)) }
}

fn limit(bytes: &mut Bytes<'_>) -> usize {
    bytes.pick(&[0, 1, 2, 3, usize::MAX])
}
