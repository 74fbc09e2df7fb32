//! What an event inherits from the one in whose handler it is made, and where a chain of events ends (P7).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use ringbus::{
    Bus, Event, EventId, FieldReader, FieldWriter, Kind, Outcome, Payload, Reentrancy, current, publish_event,
};

/// A payload that publishes an event when it is dropped, if it has a bus.
struct Step {
    n: u64,
    farewell: Option<Bus>,
}

impl Step {
    fn new(n: u64) -> Self {
        Self { n, farewell: None }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bus) = self.farewell.take() {
            publish_event!(bus: &bus, "chain.farewell", n = self.n);
        }
    }
}

impl Payload for Step {
    const KIND: &'static str = "chain.step";

    fn field_names() -> &'static [&'static str] {
        &["n"]
    }

    fn write_fields(&self, fields: &mut FieldWriter<'_>) {
        fields.write(&self.n);
    }

    fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
        fields.read().map(Self::new)
    }
}

fn here() -> Bus {
    current().expect("a handler runs on a bus")
}

/// The newest event.
fn last(bus: &Bus) -> Event {
    bus.recent(1).remove(0)
}

/// Whether `effect` has been made inside a handler of `cause`, and has its correlation id.
#[track_caller]
fn assert_follows(effect: &Event, cause: &Event) {
    let found = (effect.cause(), effect.hops(), effect.correlation_id());
    assert_eq!(found, (Some(cause.id()), cause.hops() + 1, cause.correlation_id()), "{effect:?}");
}

/// What is published inside a handler of the event that comes back.
fn inside(act: impl Fn(&Bus, &Event) + Send + Sync + 'static) -> (Bus, Event) {
    let bus = Bus::new();
    let guard = bus.on("chain.outer").unwrap().subscribe(move |event| act(&here(), event));
    let outer = publish_event!(bus: &bus, "chain.outer", correlation_id: "req-7");
    assert_eq!((outer.delivered, outer.failed), (1, 0));
    drop(guard);
    (bus, outer.event.unwrap())
}

/// Whether what is published is followed by nothing that inherits.
#[track_caller]
fn assert_untouched(bus: &Bus) {
    let after = publish_event!(bus: bus, "chain.after").event.unwrap();
    assert_eq!((after.cause(), after.hops(), after.correlation_id()), (None, 0, None));
}

#[test]
fn what_is_made_outside_of_handlers_has_no_cause() {
    let bus = Bus::new();
    let _all = bus.subscribe(|_| {});
    for round in 0..2 {
        let built = Event::builder("chain.built").correlation_id("mine").build().unwrap();
        let told = publish_event!(bus: &bus, "chain.told", correlation_id: "mine").event.unwrap();
        for event in [&built, &told] {
            assert_eq!((event.cause(), event.hops(), event.correlation_id()), (None, 0, Some("mine")), "{round}");
        }
        bus.publish(Step::new(1));
        assert_eq!((last(&bus).cause(), last(&bus).hops()), (None, 0));
    }
}

#[test]
fn all_ways_of_publishing_inherit() {
    fn check(way: &str, act: impl Fn(&Bus, &Event) + Send + Sync + 'static) {
        let (bus, outer) = inside(act);
        let inner = last(&bus);
        assert_ne!(inner.id(), outer.id(), "{way}");
        assert_follows(&inner, &outer);
        assert_untouched(&bus);
    }
    check("call site", |bus, _| drop(publish_event!(bus: bus, "chain.inner", n = 1)));
    check("kind at run time", |bus, _| drop(publish_event!(bus: bus, kind: format!("chain.{}", "late"))));
    check("value", |bus, _| drop(bus.publish(Step::new(1))));
    check("topic", |bus, _| drop(bus.topic::<Step>().unwrap().publish(Step::new(1))));
    check("topic, lazily", |bus, _| drop(bus.topic::<Step>().unwrap().publish_with(|| Step::new(1))));
    check("builder", |bus, _| drop(bus.publish(Event::builder("chain.inner").build().unwrap())));
    check("event of a value", |bus, _| drop(bus.publish(Event::from_payload(Step::new(1)).unwrap())));
    check("batch of values", |bus, _| assert_eq!(bus.publish_all((0..40).map(Step::new)).published, 40));
    check("batch of events", |bus, _| {
        let event = |n| Event::builder("chain.inner").field("n", n).build().unwrap();
        assert_eq!(bus.publish_all((0..40).map(event)).published, 40);
    });
}

#[test]
fn a_batch_inherits_in_each_of_its_events() {
    let (bus, outer) = inside(|bus, _| assert_eq!(bus.publish_all((0..70).map(Step::new)).published, 70));
    let inner = bus.history().matching("chain.step").unwrap().all();
    assert_eq!(inner.len(), 70);
    inner.iter().for_each(|event| assert_follows(event, &outer));
}

#[test]
fn what_is_given_explicitly_wins() {
    let other = Event::builder("chain.other").build().unwrap().id();
    let (bus, outer) = inside(move |bus, _| {
        publish_event!(bus: bus, "chain.own", correlation_id: "own");
        bus.publish(Event::builder("chain.own").correlation_id("own").build().unwrap());
        bus.publish(Event::builder("chain.of").cause(other).build().unwrap());
    });
    for event in bus.history().matching("chain.own").unwrap() {
        assert_eq!((event.correlation_id(), event.cause(), event.hops()), (Some("own"), Some(outer.id()), 1));
    }
    let of = last(&bus);
    assert_eq!((of.correlation_id(), of.cause(), of.hops()), (Some("req-7"), Some(other), 1));
}

#[test]
fn an_event_that_was_there_before_stays_as_it_is() {
    let early = Event::builder("chain.early").build().unwrap();
    let kept = early.clone();
    let (bus, _) = inside(move |bus, _| {
        bus.publish(kept.clone());
        bus.publish_all([kept.clone()]);
    });
    for event in bus.recent(2) {
        assert!(Event::same_instance(&event, &early));
        assert_eq!((event.cause(), event.hops(), event.correlation_id()), (None, 0, None));
    }
}

#[test]
fn each_level_follows_the_one_around_it() {
    let bus = Bus::new();
    let _down = bus.on("chain.level").unwrap().subscribe(|event| {
        let n = event.get("n").unwrap().as_u64().unwrap();
        if n < 3 {
            publish_event!(bus: &here(), "chain.level", n = n + 1);
        }
        publish_event!(bus: &here(), "chain.leaf", n);
    });
    let first = publish_event!(bus: &bus, "chain.level", correlation_id: "deep", n = 0).event.unwrap();
    let mut levels = bus.history().matching("chain.level").unwrap().all();
    levels.reverse();
    assert_eq!((levels.len(), levels[0].id()), (4, first.id()));
    levels.windows(2).for_each(|pair| assert_follows(&pair[1], &pair[0]));
    // After the inner dispatch the outer event is the one being handled again.
    let mut leaves = bus.history().matching("chain.leaf").unwrap().all();
    leaves.sort_by_key(Event::hops);
    leaves.iter().zip(&levels).for_each(|(leaf, level)| assert_follows(leaf, level));
    assert_untouched(&bus);
}

#[test]
fn an_event_that_has_waited_is_the_cause_of_what_its_handlers_publish() {
    let bus = Bus::builder().reentrancy(Reentrancy::Deferred).build().unwrap();
    let _down = bus.on("chain.level").unwrap().subscribe(|event| {
        if event.hops() < 3 {
            assert_eq!(publish_event!(bus: &here(), "chain.level").outcome, Outcome::Queued);
        }
    });
    publish_event!(bus: &bus, "chain.level", correlation_id: "wait");
    let mut levels = bus.recent(9);
    levels.reverse();
    assert_eq!(levels.len(), 4);
    levels.windows(2).for_each(|pair| assert_follows(&pair[1], &pair[0]));
    assert_untouched(&bus);
}

#[test]
fn chains_go_on_from_one_bus_to_another() {
    let other = Bus::new();
    let echo = Arc::new(Mutex::new(None));
    let _echo = other.on("chain.there").unwrap().subscribe({
        let echo = Arc::clone(&echo);
        move |event| *echo.lock().unwrap() = publish_event!(bus: &here(), "chain.echo", of = event.id()).event
    });
    let (_, outer) = inside({
        let other = other.clone();
        move |_, _| drop(publish_event!(bus: &other, "chain.there"))
    });
    let there = other.recent(2).remove(1);
    assert_follows(&there, &outer);
    assert_follows(echo.lock().unwrap().as_ref().unwrap(), &there);
    assert_untouched(&other);
}

#[test]
fn a_handler_that_panics_ends_its_part() {
    let bus = Bus::new();
    let _broken = bus.on("chain.inner").unwrap().order(1).subscribe(|_| panic!("ordered"));
    let _outer = bus.on("chain.outer").unwrap().subscribe(|_| {
        assert_eq!(publish_event!(bus: &here(), "chain.inner").failed, 1);
        publish_event!(bus: &here(), "chain.next");
    });
    let outer = publish_event!(bus: &bus, "chain.outer").event.unwrap();
    assert_follows(&last(&bus), &outer);
    assert_untouched(&bus);
}

#[test]
fn what_a_payload_publishes_when_it_is_dropped_follows_the_event_being_handled() {
    let farewells = Bus::new();
    let small = Bus::new();
    let publish = |n| drop(small.publish(Step { n, farewell: Some(farewells.clone()) }));
    // Its last handle goes where nothing is handled.
    publish(0);
    small.reset();
    assert_eq!((last(&farewells).cause(), farewells.recent(9).len()), (None, 1));
    // And inside a handler.
    publish(1);
    let (_, outer) = inside({
        let small = small.clone();
        move |_, _| small.reset()
    });
    let farewell = last(&farewells);
    assert_eq!(farewell.get("n"), Some(&1.into()));
    assert_follows(&farewell, &outer);
    assert_untouched(&small);
}

#[test]
fn what_a_subscription_is_told_of_the_past_is_a_cause_too() {
    let bus = Bus::new();
    let past = publish_event!(bus: &bus, "chain.past", correlation_id: "old").event.unwrap();
    let _late = bus.on("chain.past").unwrap().replay(9).subscribe(|_| {
        publish_event!(bus: &here(), "chain.told");
    });
    assert_follows(&last(&bus), &past);
    assert_untouched(&bus);
}

#[test]
fn memory_that_served_an_effect_serves_others_without_a_trace() {
    let bus = Bus::builder().history(1).shards(1).build().unwrap();
    let _outer = bus.on("chain.outer").unwrap().subscribe(|_| {
        publish_event!(bus: &here(), "chain.inner");
    });
    // More events than the ring behind the history holds.
    for _ in 0..1_000 {
        publish_event!(bus: &bus, "chain.outer", correlation_id: "one");
        assert_eq!((last(&bus).hops(), last(&bus).correlation_id()), (1, Some("one")));
        publish_event!(bus: &bus, "chain.outer");
        assert_eq!((last(&bus).hops(), last(&bus).correlation_id()), (1, None));
        // Six in a round, so that each memory serves one in another place the next time.
        assert_untouched(&bus);
        assert_untouched(&bus);
    }
}

// === where a chain ends ===

/// One that a table learns, so that batches of it are dispatched in one stretch.
fn far_kind() -> Kind {
    Kind::from_static("chain.far").unwrap()
}

#[test]
fn a_circle_of_events_that_wait_ends_at_the_hop_limit() {
    let bus = Bus::builder().reentrancy(Reentrancy::Deferred).hop_limit(4).build().unwrap();
    let stopped = Arc::new(AtomicU32::new(0));
    let _circle = bus.on("chain.circle").unwrap().subscribe({
        let stopped = Arc::clone(&stopped);
        move |event| {
            let delivery = publish_event!(bus: &here(), "chain.circle");
            let expected = if event.hops() < 4 { Outcome::Queued } else { Outcome::TooManyHops };
            assert_eq!((delivery.outcome, delivery.outcome.is_accepted()), (expected, true));
            stopped.fetch_add(u32::from(expected == Outcome::TooManyHops), Ordering::Relaxed);
        }
    });
    for round in 1..3 {
        publish_event!(bus: &bus, "chain.circle");
        let totals = bus.stats().totals;
        assert_eq!((totals.published, totals.delivered, totals.hop_stops), (6 * round, 5 * round, round));
        assert_eq!((totals.depth_stops, totals.failed, totals.deferred), (0, 0, 4 * round));
        assert_eq!(last(&bus).hops(), 5, "it is recorded");
    }
    assert_eq!(stopped.load(Ordering::Relaxed), 2);
}

#[test]
fn a_circle_of_two_queues_ends_at_the_hop_limit() {
    /// Where a circle without an end would be given up.
    const MOST: u32 = 1000;
    let bus = Bus::builder().hop_limit(4).build().unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let _both = [("chain.a", "chain.b"), ("chain.b", "chain.a")].map(|(from, to)| {
        let calls = Arc::clone(&calls);
        let handler = move |_: &Event| {
            if calls.fetch_add(1, Ordering::Relaxed) < MOST {
                publish_event!(bus: &here(), kind: to);
            }
        };
        bus.on(from).unwrap().in_thread().subscribe(handler).unwrap()
    });
    for round in 1..3 {
        publish_event!(bus: &bus, "chain.a");
        bus.wait_idle(std::time::Duration::from_secs(60)).unwrap();
        let totals = bus.stats().totals;
        assert_eq!((totals.published, totals.delivered, totals.hop_stops), (6 * round, 5 * round, round));
        assert_eq!((last(&bus).hops(), last(&bus).kind().as_str()), (5, "chain.b"), "it is recorded");
    }
}

#[test]
fn an_event_that_has_come_too_far_is_recorded_not_dispatched_and_counted() {
    let bus = Bus::builder().hop_limit(1).build().unwrap();
    let before = bus.stats();
    let calls = Arc::new(AtomicU32::new(0));
    let _all = bus.subscribe({
        let calls = Arc::clone(&calls);
        move |_| _ = calls.fetch_add(1, Ordering::Relaxed)
    });
    // Made in a handler of a handler elsewhere.
    let far = Arc::new(Mutex::new(Vec::new()));
    let elsewhere = Bus::new();
    let _makes = elsewhere.subscribe({
        let far = Arc::clone(&far);
        move |event| {
            far.lock().unwrap().push(Event::builder(far_kind()).build().unwrap());
            if event.hops() == 0 {
                publish_event!(bus: &here(), "chain.nested");
            }
        }
    });
    publish_event!(bus: &elsewhere, "chain.first");
    let [near, far] = <[Event; 2]>::try_from(far.lock().unwrap().split_off(0)).unwrap();
    assert_eq!((near.hops(), far.hops()), (1, 2));

    assert_eq!(bus.publish(near.clone()).outcome, Outcome::Published);
    let delivery = bus.publish(far.clone());
    assert_eq!((delivery.outcome, delivery.delivered), (Outcome::TooManyHops, 0));
    assert_eq!(delivery.outcome.to_string(), "too many hops");
    let near_again = || Event::builder(far_kind()).build().unwrap();
    let all = bus.publish_all([near, far.clone(), near_again(), far, near_again()]);
    assert_eq!((all.events, all.published, all.too_many_hops, all.delivered), (5, 3, 2, 3));
    assert_eq!(calls.load(Ordering::Relaxed), 4);

    let stats = bus.stats();
    assert_eq!((stats.totals.published, stats.totals.hop_stops, stats.totals.unheard), (7, 3, 0));
    assert!(stats.to_string().contains("too many hops      3\n"), "{stats}");
    let delta = stats.since(&before).unwrap();
    assert_eq!(delta.totals.hop_stops, 3);
    assert!(delta.to_string().contains("too many hops "), "{delta}");
    assert!(!before.to_string().contains("hops"), "{before}");
}

#[test]
fn the_hop_limit_is_checked() {
    for limit in [0, 65_536] {
        let error = Bus::builder().hop_limit(limit).build().unwrap_err();
        assert_eq!(error.to_string(), format!("hop limit {limit} is out of range: 1 to 65535 are allowed"));
    }
    for limit in [1, 65_535] {
        assert!(Bus::builder().hop_limit(limit).build().is_ok());
    }
    // By default, 64: of a deferred circle that could go deeper, if the depth limit let it.
    let (here, there) = (Bus::new(), Bus::new());
    let made = Arc::new(Mutex::new(Event::builder("chain.far").build().unwrap()));
    let _next = there.subscribe({
        let made = Arc::clone(&made);
        move |_| *made.lock().unwrap() = Event::builder("chain.far").build().unwrap()
    });
    let next = || {
        let event = made.lock().unwrap().clone();
        assert_eq!(there.publish(event.clone()).delivered, u32::from(event.hops() <= 64));
        event
    };
    for hops in 0..=64 {
        let event = next();
        assert_eq!((event.hops(), here.publish(event).outcome), (hops, Outcome::Published));
    }
    assert_eq!((next().hops(), here.publish(next()).outcome), (65, Outcome::TooManyHops));
}

// === the tree ===

fn kinds(chain: &ringbus::Chain) -> Vec<String> {
    chain.iter().map(|event| event.kind().to_string()).collect()
}

#[test]
fn the_history_shows_the_tree() {
    let bus = Bus::new();
    let _first = bus.on("tree.root").unwrap().order(1).subscribe(|_| {
        publish_event!(bus: &here(), "tree.left");
        publish_event!(bus: &here(), "tree.right");
    });
    let _second = bus.on("tree.root").unwrap().subscribe(|_| drop(publish_event!(bus: &here(), "tree.last")));
    let _left = bus.on("tree.left").unwrap().subscribe(|_| drop(publish_event!(bus: &here(), "tree.leaf")));
    publish_event!(bus: &bus, "tree.alone");
    let root = publish_event!(bus: &bus, "tree.root").event.unwrap();
    publish_event!(bus: &bus, "tree.alone");

    let tree = ["tree.root", "tree.left", "tree.leaf", "tree.right", "tree.last"];
    for event in bus.history().all().iter().filter(|event| *event.kind() != "tree.alone") {
        let chain = bus.history().chain(event.id()).unwrap();
        assert!(Event::same_instance(chain.event(), &root));
        assert_eq!(kinds(&chain), tree);
    }
    let chain = bus.history().chain(root.id()).unwrap();
    let effects: Vec<_> =
        chain.effects().iter().map(|effect| (kinds(effect)[0].clone(), effect.effects().len())).collect();
    assert_eq!(effects, [("tree.left".into(), 1), ("tree.right".into(), 0), ("tree.last".into(), 0)]);
    let shown = chain.to_string();
    let level = |line: &str| (line.len() - line.trim_start().len()) / 2;
    let lines: Vec<_> = shown.lines().map(|line| (level(line), line.split_whitespace().next().unwrap())).collect();
    assert_eq!(lines, [(0, tree[0]), (1, tree[1]), (2, tree[2]), (1, tree[3]), (1, tree[4])]);
    assert_eq!((shown.matches('…').count(), shown.matches(" +").count()), (5, 4), "{shown}");

    assert_eq!(kinds(&bus.history().chain(last(&bus).id()).unwrap()), ["tree.alone"]);
    assert!(bus.history().chain(EventId::from_u128(7)).is_none());
}

#[test]
fn the_tree_goes_through_queues() {
    let bus = Bus::new();
    let publishes = |kind: &'static str| move |_: &Event| drop(publish_event!(bus: &here(), kind: kind));
    let _first = bus.on("tree.root").unwrap().in_thread().subscribe(publishes("tree.left")).unwrap();
    let _second = bus.on("tree.left").unwrap().in_pool(2).subscribe(publishes("tree.leaf")).unwrap();
    let root = publish_event!(bus: &bus, "tree.root").event.unwrap();
    bus.wait_idle(std::time::Duration::from_secs(60)).unwrap();
    let chain = bus.history().chain(last(&bus).id()).unwrap();
    assert!(Event::same_instance(chain.event(), &root));
    assert_eq!(kinds(&chain), ["tree.root", "tree.left", "tree.leaf"]);
    assert_eq!(kinds(&chain.effects()[0].effects()[0]), ["tree.leaf"], "one below the other");
}

#[test]
fn where_the_root_is_overwritten_or_not_selected_the_tree_begins_below() {
    let bus = Bus::builder().history(2).build().unwrap();
    let _chain = bus.on("tree.*").unwrap().subscribe(|event| {
        if event.hops() < 3 {
            publish_event!(bus: &here(), kind: format!("tree.n{}", event.hops() + 1));
        }
    });
    let root = publish_event!(bus: &bus, "tree.root").event.unwrap();
    assert_eq!(kinds(&bus.history().chain(last(&bus).id()).unwrap()), ["tree.n2", "tree.n3"]);
    assert!(bus.history().chain(root.id()).is_none());
    let only = bus.history().matching("tree.n3").unwrap().chain(last(&bus).id()).unwrap();
    assert_eq!(kinds(&only), ["tree.n3"]);
    assert!(bus.history().matching("tree.n2").unwrap().chain(last(&bus).id()).is_none());
}

// === JSON ===

#[cfg(feature = "serde")]
#[test]
fn the_trace_goes_through_json_and_nothing_comes_to_it_there() {
    use ringbus::{Registry, Unknown};

    let (bus, outer) = inside(|bus, event| {
        let inner = publish_event!(bus: bus, "chain.step", n = 7).event.unwrap();
        for event in [event, &inner] {
            let read = Event::from_json(&event.to_json(), Unknown::Refuse).unwrap();
            assert_eq!(read.to_map(), event.to_map());
        }
        let typed = Registry::new().with::<Step>().unwrap().from_json(&inner.to_json()).unwrap();
        assert!(typed.payload_as::<Step>().is_some());
        assert_follows(&typed, event);
    });
    let (inner, json) = (last(&bus), last(&bus).to_json());
    let part = format!(r#""correlation_id":"req-7","cause":"{}","hops":1,"priority""#, outer.id());
    assert!(json.contains(&part), "{json}");
    assert_follows(&Event::from_json(&json, Unknown::Refuse).unwrap(), &outer);
    assert_eq!(
        (inner.to_map()["cause"].to_string(), inner.to_map()["hops"].clone()),
        (format!("{:?}", outer.id().to_string()), 1.into())
    );
    assert!(!outer.to_json().contains("cause") && !outer.to_json().contains("hops"));
    assert_eq!((outer.to_map().len(), inner.to_map().len()), (8, 10));
}
