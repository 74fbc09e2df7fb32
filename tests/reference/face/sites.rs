//! The call sites of this test, the payload type, and how events are read.

use std::cell::Cell;
use std::sync::Once;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringbus::{
    Bus, Delivery, Event, EventId, FieldReader, FieldWriter, Kind, Payload, Priority, default_bus, publish_event,
};

use super::Draft;
use crate::bus::{self, Form};
use crate::operations::{OWN_IDS, Own, PAYLOAD, SITES, Way};

/// A payload, of one field.
pub(super) struct Numbered {
    pub(super) n: u64,
}

/// A payload of the same kind, which comes too late.
pub(super) struct Impostor;

impl Payload for Numbered {
    const KIND: &'static str = PAYLOAD;

    fn field_names() -> &'static [&'static str] {
        &["n"]
    }

    fn write_fields(&self, fields: &mut FieldWriter<'_>) {
        fields.write(&self.n);
    }

    fn read_fields(fields: &mut FieldReader<'_>) -> Option<Self> {
        fields.read().map(|n| Self { n })
    }
}

impl Payload for Impostor {
    const KIND: &'static str = PAYLOAD;

    fn field_names() -> &'static [&'static str] {
        &[]
    }

    fn write_fields(&self, _: &mut FieldWriter<'_>) {}

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        Some(Self)
    }
}

/// The payload type claims its kind first, and the sites' kinds are interned early: so they are counted by name.
pub(super) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let bus = Bus::new();
        assert!(bus.topic::<Numbered>().is_ok() && bus.topic::<Impostor>().is_err());
        (0..SITES.len()).for_each(|site| drop(publish_at(Some(&bus), site, None, || 0)));
        assert_eq!(bus.stats().published_by_kind.len(), SITES.len());
    });
}

// === reading ===

const PRIORITIES: [Priority; 4] = [Priority::Low, Priority::Normal, Priority::High, Priority::Critical];

/// The time of that second.
pub(super) fn time(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(second)
}

pub(super) fn read(event: &Event) -> bus::Event {
    let form = if event.payload_as::<Numbered>().is_some() {
        Form::Payload
    } else if event.get("more").is_some() {
        Form::Odd
    } else {
        Form::Fields
    };
    let id = u64::try_from(event.id().as_u128()).ok().filter(|id| *id < OWN_IDS);
    let own = id.map(|id| Own {
        id,
        time: event.timestamp().duration_since(UNIX_EPOCH).unwrap().as_secs(),
        priority: PRIORITIES.iter().position(|priority| *priority == event.priority()).unwrap(),
        correlated: false,
    });
    assert!(own.is_some() || event.priority() == Priority::Normal);
    let correlated = event.correlation_id().inspect(|id| assert_eq!(*id, "together")).is_some();
    assert_eq!(event.cause().is_some(), event.hops() > 0);
    bus::Event {
        number: event.get("n").unwrap().as_u64().unwrap(),
        kind: event.kind().to_string(),
        source: event.source().map(|source| if source == "thirds" { "thirds" } else { "?" }),
        form,
        own,
        correlated,
        hops: event.hops(),
    }
}

/// What a handler of payloads sees.
pub(super) fn read_payload(payload: &Numbered) -> bus::Event {
    let (kind, form) = (PAYLOAD.to_owned(), Form::Payload);
    bus::Event { number: payload.n, kind, source: None, form, own: None, correlated: false, hops: 0 }
}

// === publishing ===

/// Publishes on `bus`, or on the one that the thread means.
pub(super) fn publish(bus: Option<&Bus>, draft: &Draft, source: Option<&'static str>, number: u64) -> Delivery {
    let evaluated = Cell::new(false);
    let value = || {
        evaluated.set(true);
        number
    };
    let named = || bus.cloned().unwrap_or_else(default_bus);
    let lazily = |delivery: Delivery| {
        assert_eq!(evaluated.get(), delivery.event.is_some(), "arguments are evaluated for an event alone");
        delivery
    };
    match draft {
        Draft::Site(site) => lazily(publish_at(bus, *site, source, value)),
        Draft::Text(kind) => lazily(match bus {
            Some(bus) => publish_event!(bus: bus, kind: kind, source: source, n = value()),
            None => publish_event!(kind: kind, source: source, n = value()),
        }),
        Draft::Odd => lazily(publish_event!(bus: &named(), kind: PAYLOAD, source: source, n = value(), more = true)),
        Draft::Interned(kind) => {
            let builder = Event::builder(Kind::from_static(kind).unwrap()).field("n", number);
            let builder = if let Some(source) = source { builder.source(source) } else { builder };
            named().publish(builder.build().unwrap())
        }
        Draft::Built(kind, own) => {
            let builder = Event::builder(SITES[*kind]).field("n", number).id(EventId::from_u128(own.id.into()));
            let builder = builder.timestamp(time(own.time)).priority(PRIORITIES[own.priority]);
            let builder = if let Some(source) = source { builder.source(source) } else { builder };
            let builder = if own.correlated { builder.correlation_id("together") } else { builder };
            named().publish(builder.build().unwrap())
        }
        Draft::Impostor => named().publish(Impostor),
        Draft::Payload(Way::Value) => named().publish(Numbered { n: number }),
        Draft::Payload(Way::Event) => named().publish(Event::from_payload(Numbered { n: number }).unwrap()),
        Draft::Payload(Way::Topic) => named().topic().unwrap().publish(Numbered { n: number }),
        Draft::Payload(Way::TopicWith) => lazily(named().topic().unwrap().publish_with(|| Numbered { n: value() })),
    }
}

/// Publishes at the call site of that number.
fn publish_at(bus: Option<&Bus>, site: usize, source: Option<&str>, number: impl Fn() -> u64) -> Delivery {
    macro_rules! sites {
        ($($at:literal $kind:literal),*) => {
            match (bus, site) {
                $((_, $at) if SITES[$at] != $kind => unreachable!("the sites are others"),
                (Some(bus), $at) => publish_event!(bus: bus, $kind, source: source, n = number()),
                (None, $at) => publish_event!($kind, source: source, n = number()),)*
                _ => unreachable!("there is no such site"),
            }
        };
    }
    sites!(0 "a", 1 "b", 2 "a.b", 3 "b.a", 4 "a.b.c", 5 "c.b.a")
}
