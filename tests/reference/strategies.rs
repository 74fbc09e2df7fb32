//! How proptest makes up options and operations, and the test that drives both buses with them.
//!
//! Kinds and patterns come from an alphabet of three segments, so that they meet often.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::drive::compare;
use crate::operations::{End, FRESH, Operation, Options, Pattern, Request, SITES, Told, Whom, Wishes};

proptest! {
    #![proptest_config(crate::config(1))]

    #[test]
    fn both_buses_do_the_same(options in options(), operations in operations()) {
        compare(&options, &operations);
    }
}

fn options() -> impl Strategy<Value = Options> {
    let history = select(&[0, 1, 2, 5, 500, 1024][..]);
    let deferred = prop::option::weighted(0.3, select(&[1, 2, 1000][..]));
    (history, select(&[1, 2, 4][..]), 1..=5_usize, prop::bool::weighted(0.9), any::<bool>(), deferred).prop_map(
        |(history, shards, depth_limit, enabled, bad_hook, deferred)| Options {
            history,
            shards,
            depth_limit,
            enabled,
            bad_hook,
            deferred,
        },
    )
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let object = 0..2_usize;
    let operation = prop_oneof![
        40 => inside(2),
        20 => request(2).prop_map(Operation::Subscribe),
        25 => told().prop_map(Operation::Publish),
        6 => told().prop_map(Operation::PublishElsewhere),
        4 => (object.clone(), request(2)).prop_map(|(number, request)| Operation::SubscribeObject(number, request)),
        2 => object.prop_map(Operation::UnsubscribeObject),
        1 => (0..SITES.len(), 1..1500_usize).prop_map(|(site, count)| Operation::Burst(site, count)),
    ];
    vec(operation, 1..60)
}

/// What a handler can do too; `depth` bounds handlers that subscribe handlers that subscribe.
fn inside(depth: u32) -> BoxedStrategy<Operation> {
    let whom = || prop_oneof![1 => Just(Whom::This), 4 => any::<usize>().prop_map(Whom::Number)];
    let limit = || prop_oneof![0..4_usize, Just(usize::MAX)];
    let plain = prop_oneof![
        12 => told().prop_map(Operation::Publish),
        2 => (0..3_usize).prop_map(Operation::Republish),
        3 => whom().prop_map(Operation::Drop),
        3 => whom().prop_map(Operation::Unsubscribe),
        3 => whom().prop_map(Operation::Close),
        1 => whom().prop_map(Operation::Detach),
        3 => (whom(), any::<bool>()).prop_map(|(whom, muted)| Operation::Mute(whom, muted)),
        2 => whom().prop_map(Operation::Resume),
        1 => Just(Operation::Follow),
        3 => prop::bool::weighted(0.8).prop_map(Operation::Enable),
        1 => Just(Operation::Reset),
        2 => limit().prop_map(Operation::Recent),
        2 => (patterns(), any::<bool>(), limit()).prop_map(|(patterns, source, limit)| {
            Operation::Query(patterns, source, limit)
        }),
    ];
    if depth == 0 {
        return plain.boxed();
    }
    prop_oneof![8 => plain, 1 => request(depth - 1).prop_map(Operation::Subscribe)].boxed()
}

fn request(depth: u32) -> impl Strategy<Value = Request> {
    let end = prop_oneof![4 => Just(End::Fine), 1 => Just(End::Error), 1 => Just(End::Panic)];
    let action = prop::option::of(inside(depth).prop_map(Box::new));
    (patterns(), wishes(), action, end).prop_map(|(patterns, wishes, action, end)| Request {
        patterns,
        wishes,
        action,
        end,
    })
}

/// Mostly none but an order.
fn wishes() -> impl Strategy<Value = Wishes> {
    let filter = prop::bool::weighted(0.15);
    let limit = prop::option::weighted(0.15, 0..4_u64);
    let quarantine_after = prop::option::weighted(0.15, 1..3_u32);
    let replay = prop::option::weighted(0.2, select(&[0, 1, 3, 1000][..]));
    (-2..=2, filter, limit, quarantine_after, replay).prop_map(|(order, filter, limit, quarantine_after, replay)| {
        Wishes { order, filter, limit, quarantine_after, replay }
    })
}

fn told() -> impl Strategy<Value = Told> {
    let segment = select(&["a", "b", "c"][..]);
    prop_oneof![
        8 => (0..SITES.len()).prop_map(Told::Site),
        6 => vec(segment, 1..4).prop_map(|segments| Told::Text(segments.join("."))),
        2 => (0..FRESH).prop_map(Told::Fresh),
        2 => (0..FRESH).prop_map(Told::Interned),
        1 => any::<u32>().prop_map(|number| Told::Text(format!("a.unseen{number}"))),
        1 => select(&["", "a..b", "a.*", "a b"][..]).prop_map(|text| Told::Text(text.to_owned())),
    ]
}

/// One pattern, or a list; seldom none.
fn patterns() -> impl Strategy<Value = Vec<Pattern>> {
    let exact = vec(select(&["a", "b", "c"][..]), 1..4);
    let wild = vec(select(&["a", "b", "c", "*", "**"][..]), 1..4);
    let pattern = prop_oneof![
        6 => exact.prop_map(|segments| Pattern::Text(segments.join("."))),
        6 => wild.prop_map(|segments| Pattern::Text(segments.join("."))),
        4 => select(&SITES[..]).prop_map(|kind| Pattern::Text(kind.to_owned())),
        2 => Just(Pattern::Text("**".to_owned())),
        1 => Just(Pattern::Text("fresh.**".to_owned())),
        3 => (0..FRESH).prop_map(Pattern::Fresh),
    ];
    let bad = select(&["", "a..b", "a*", "**.a.**"][..]).prop_map(|text| vec![Pattern::Text(text.to_owned())]);
    prop_oneof![40 => vec(pattern.clone(), 1), 20 => vec(pattern, 2..4), 1 => bad, 1 => Just(Vec::new())]
}
