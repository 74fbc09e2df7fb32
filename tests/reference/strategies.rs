//! How proptest makes up options and operations.
//!
//! Kinds and patterns come from an alphabet of three segments, so that they meet often.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::operations::{
    BagEnd, By, End, FRESH, Filter, OWN_IDS, Operation, Options, Own, PAYLOAD, Past, Pattern, Policy, Query, Request,
    SITES, Takes, Told, Way, Whom, Wishes,
};

/// Operations that hold others do so at most so deep.
const DEPTH: u32 = 2;

pub(crate) fn options() -> impl Strategy<Value = [Options; 2]> {
    [one_bus(), one_bus()]
}

fn one_bus() -> impl Strategy<Value = Options> {
    let history = prop_oneof![4 => select(&[0, 1, 2, 5, 20][..]), 1 => select(&[500, 1024][..])];
    let deferred = prop::option::weighted(0.4, select(&[1, 1, 2, 1000][..]));
    let flags = (prop::bool::weighted(0.2), prop::bool::weighted(0.9), any::<bool>());
    let limits = (1..=5_usize, select(&[1, 2, 3, 64][..]));
    (history, select(&[1, 2, 4][..]), limits, flags, deferred).prop_map(
        |(history, shards, (depth_limit, hop_limit), (strict, enabled, bad_hook), deferred)| Options {
            history,
            shards,
            strict,
            depth_limit,
            hop_limit,
            enabled,
            bad_hook,
            deferred,
        },
    )
}

pub(crate) fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let operation = prop_oneof![
        40 => inside(DEPTH),
        20 => request(DEPTH).prop_map(Operation::Subscribe),
        2 => request(DEPTH).prop_map(|request| Operation::Panicking(Box::new(Operation::Subscribe(request)))),
        25 => told().prop_map(Operation::Publish),
        3 => (0..SITES.len(), 1..40_usize).prop_map(|(site, count)| Operation::Burst(site, count)),
    ];
    // A long burst fills a ring, and takes its time.
    let first = prop::option::weighted(0.1, (0..SITES.len(), 1000..2500_usize));
    (vec(operation, 1..60), first, any::<prop::sample::Index>()).prop_map(|(mut operations, burst, at)| {
        if let Some((site, count)) = burst {
            operations.insert(at.index(operations.len()), Operation::Burst(site, count));
        }
        operations
    })
}

/// What a handler can do too; `depth` bounds handlers that subscribe handlers that subscribe.
fn inside(depth: u32) -> BoxedStrategy<Operation> {
    let plain = prop_oneof![
        24 => publishing(),
        22 => ending(),
        10 => standing(),
        14 => looking(),
        5 => prop::bool::weighted(0.8).prop_map(Operation::Enable),
        1 => Just(Operation::Reset),
    ];
    if depth == 0 {
        return plain.boxed();
    }
    let inner = || inside(depth - 1).prop_map(Box::new);
    let object = 0..2_usize;
    prop_oneof![
        60 => plain,
        10 => request(depth - 1).prop_map(Operation::Subscribe),
        4 => (object.clone(), request(depth - 1)).prop_map(|(number, request)| Operation::SubscribeObject(number, request)),
        2 => object.clone().prop_map(Operation::UnsubscribeObject),
        1 => object.prop_map(Operation::ForgetObject),
        8 => vec(inside(depth - 1), 2..4).prop_map(Operation::Several),
        16 => inner().prop_map(Operation::Other),
        6 => inner().prop_map(Operation::WithDefault),
        6 => inner().prop_map(Operation::Elsewhere),
        7 => inner().prop_map(Operation::Panicking),
        1 => (1..40_usize).prop_map(Operation::Crowd),
    ]
    .boxed()
}

fn publishing() -> BoxedStrategy<Operation> {
    prop_oneof![
        16 => told().prop_map(Operation::Publish),
        4 => told().prop_map(Operation::PublishDefault),
        2 => (0..3_usize).prop_map(Operation::Republish),
        2 => (0..3_usize).prop_map(Operation::Forward),
    ]
    .boxed()
}

fn ending() -> BoxedStrategy<Operation> {
    let bag_end = select(&[BagEnd::Drop, BagEnd::Clear, BagEnd::Close, BagEnd::CloseTimeout, BagEnd::SaveFirst][..]);
    prop_oneof![
        6 => whom().prop_map(Operation::Drop),
        3 => whom().prop_map(Operation::Leave),
        5 => whom().prop_map(Operation::Unsubscribe),
        5 => whom().prop_map(Operation::Close),
        2 => whom().prop_map(Operation::Detach),
        5 => (vec(whom(), 0..8), bag_end).prop_map(|(bag, end)| Operation::Bag(bag, end)),
        1 => Just(Operation::UnsubscribeAll),
        1 => Just(Operation::DropSecond),
    ]
    .boxed()
}

fn standing() -> BoxedStrategy<Operation> {
    let by = || select(&[By::Id, By::Guard][..]);
    prop_oneof![
        3 => (whom(), any::<bool>(), by()).prop_map(|(whom, muted, by)| Operation::Mute(whom, muted, by)),
        2 => (whom(), by()).prop_map(|(whom, by)| Operation::Resume(whom, by)),
    ]
    .boxed()
}

fn looking() -> BoxedStrategy<Operation> {
    let limit = || prop_oneof![0..4_usize, Just(usize::MAX)];
    let query =
        (patterns(), any::<bool>(), time(), time(), limit()).prop_map(|(patterns, thirds, since, until, limit)| {
            Operation::Query(Query { patterns, thirds, since, until, limit })
        });
    prop_oneof![
        2 => limit().prop_map(Operation::Recent),
        5 => query,
        2 => Just(Operation::Follow),
        1 => Just(Operation::Skip),
        2 => Just(Operation::Since),
        2 => Just(Operation::View),
        2 => told().prop_map(Operation::Explain),
        3 => whom().prop_map(Operation::Info),
    ]
    .boxed()
}

fn whom() -> impl Strategy<Value = Whom> {
    prop_oneof![1 => Just(Whom::This), 4 => any::<usize>().prop_map(Whom::Number)]
}

/// Seconds since 1970, among the times of events built by hand.
fn time() -> impl Strategy<Value = Option<u64>> {
    prop::option::weighted(0.3, 0..3_u64)
}

/// One whose failures go on in the publisher fails.
fn request(depth: u32) -> BoxedStrategy<Request> {
    let end = prop_oneof![4 => Just(End::Fine), 1 => Just(End::Error), 1 => Just(End::Panic)];
    let bad_end = select(&[End::Error, End::Panic][..]);
    let action = prop::option::weighted(0.6, inside(depth).prop_map(Box::new));
    (patterns(), wishes(), action, end, bad_end)
        .prop_map(|(patterns, wishes, action, end, bad_end)| {
            let end = if wishes.policy == Policy::Unwind { bad_end } else { end };
            Request { patterns, wishes, action, end }
        })
        .boxed()
}

/// Mostly none but an order.
fn wishes() -> BoxedStrategy<Wishes> {
    let filters = prop_oneof![6 => Just(Vec::new()), 1 => vec(select(&[Filter::Thirds, Filter::Odd][..]), 1..3)];
    let limit = prop::option::weighted(0.15, 0..4_u64);
    let policy = prop_oneof![
        6 => Just(Policy::Isolate),
        3 => (1..4_u32).prop_map(Policy::Quarantine),
        2 => Just(Policy::Unwind),
    ];
    let newest = prop_oneof![1 => Just(None), 4 => select(&[0, 1, 3, 1000][..]).prop_map(Some)];
    let past = prop::option::weighted(0.3, (newest, time())).prop_map(|past| {
        let (newest, since) = past?;
        (newest.is_some() || since.is_some()).then_some(Past { newest, since })
    });
    let takes = prop_oneof![
        12 => Just(Takes::Events),
        2 => Just(Takes::Payloads),
        2 => Just(Takes::Decoded),
        1 => Just(Takes::Impostors),
    ];
    let flags = (any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.1));
    (-2..=2, filters, limit, policy, past, takes, flags)
        .prop_map(|(order, filters, limit, policy, past, takes, (named, while_panicking, bad_drop))| Wishes {
            named,
            order,
            filters,
            limit,
            policy,
            while_panicking,
            past,
            takes,
            bad_drop,
        })
        .boxed()
}

fn told() -> BoxedStrategy<Told> {
    let segment = select(&["a", "b", "c"][..]);
    let way = select(&[Way::Value, Way::Topic, Way::TopicWith, Way::Event][..]);
    let own = (0..OWN_IDS, 0..3_u64, 0..4_usize, any::<bool>()).prop_map(|(id, time, priority, correlated)| Own {
        id,
        time,
        priority,
        correlated,
    });
    prop_oneof![
        8 => (0..SITES.len()).prop_map(Told::Site),
        6 => vec(segment, 1..4).prop_map(|segments| Told::Text(segments.join("."))),
        2 => (0..FRESH).prop_map(Told::Fresh),
        2 => (0..FRESH).prop_map(Told::Interned),
        1 => any::<u32>().prop_map(|number| Told::Text(format!("a.unseen{number}"))),
        1 => select(&["", "a..b", "a.*", "a b"][..]).prop_map(|text| Told::Text(text.to_owned())),
        3 => way.prop_map(Told::Payload),
        1 => Just(Told::Impostor),
        2 => Just(Told::Odd),
        4 => (0..SITES.len(), own).prop_map(|(kind, own)| Told::Built(kind, own)),
    ]
    .boxed()
}

/// One pattern, or a list; seldom none.
fn patterns() -> BoxedStrategy<Vec<Pattern>> {
    let exact = vec(select(&["a", "b", "c"][..]), 1..4);
    let wild = vec(select(&["a", "b", "c", "*", "**"][..]), 1..4);
    let pattern = prop_oneof![
        6 => exact.prop_map(|segments| Pattern::Text(segments.join("."))),
        6 => wild.prop_map(|segments| Pattern::Text(segments.join("."))),
        4 => select(&SITES[..]).prop_map(|kind| Pattern::Text(kind.to_owned())),
        2 => Just(Pattern::Text(PAYLOAD.to_owned())),
        4 => Just(Pattern::Text("**".to_owned())),
        1 => Just(Pattern::Text("fresh.**".to_owned())),
        3 => (0..FRESH).prop_map(Pattern::Fresh),
    ];
    let bad = select(&["", "a..b", "a*", "**.a.**"][..]).prop_map(|text| vec![Pattern::Text(text.to_owned())]);
    prop_oneof![40 => vec(pattern.clone(), 1), 20 => vec(pattern, 2..4), 1 => bad, 1 => Just(Vec::new())].boxed()
}
