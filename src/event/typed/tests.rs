use super::*;
use crate::event::{FieldReader, Text, ToValue};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A payload of one field.
struct One<T>(T);

impl<T: ToValue + Send + Sync + 'static> Payload for One<T> {
    const KIND: &'static str = "test.typed.one";

    fn field_names() -> &'static [&'static str] {
        &["one"]
    }

    fn write_fields(&self, fields: &mut FieldWriter<'_>) {
        fields.write(&self.0);
    }

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        None
    }

    fn __plain(&self) -> bool {
        self.0.__plain()
    }
}

/// A field of users' own; counts how often it becomes a value.
struct Own(&'static AtomicUsize);

impl ToValue for Own {
    fn to_value(&self) -> Value {
        self.0.fetch_add(1, Ordering::Relaxed).to_value()
    }
}

fn one<T: ToValue + Send + Sync + 'static>(value: T) -> Event {
    Draft::typed(Kind::from_static("test.typed.one").unwrap(), One(value)).finish()
}

#[test]
fn a_typed_event_for_a_publish_has_read_its_clock_and_a_built_one_has_not() {
    let typed = one(7);
    assert_ne!(typed.arc().raw(), UNREAD);
    assert!(typed.is_typed() && typed.timestamp() > std::time::UNIX_EPOCH);
    let built = Event::from_payload(One(7_u64)).unwrap();
    assert_eq!((built.arc().raw(), built.get("one")), (UNREAD, Some(&7.into())));
    assert_ne!(typed.id(), built.id());
}

#[test]
fn fields_are_ready_where_no_code_of_users_makes_them() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    for ready in [
        one(7),
        one(String::from("x")),
        one(vec![Some('x'), None]),
        one([std::sync::Arc::<str>::from("x")]),
        one(Value::from([1])),
        one(Vec::<Own>::new()),
        Event::builder("test.typed.built").field("one", 1).build().unwrap(),
    ] {
        assert!(ready.fields_ready(), "{ready}");
    }
    let own = one(Some(Own(&MADE)));
    let copy = own.clone();
    assert!(!own.fields_ready());
    assert_eq!(MADE.load(Ordering::Relaxed), 0, "nobody has asked");
    assert_eq!((own.get("one"), copy.get("one"), own.payload().len()), (Some(&0.into()), Some(&0.into()), 1));
    assert!(own.fields_ready());
    assert_eq!(MADE.load(Ordering::Relaxed), 1, "made once");
    // What is displayed may be anybody's, and so may a map's keys.
    assert!(!format_args!("{}", 7).__plain() && !std::collections::BTreeMap::from([("x", 1)]).__plain());
}

#[test]
fn threads_that_ask_at_once_see_the_same_fields() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let event = one(Own(&MADE));
    let start = Barrier::new(4);
    let seen: Vec<Value> = thread::scope(|scope| {
        let read = || {
            start.wait();
            event.get("one").cloned().unwrap()
        };
        let threads = [(); 4].map(|()| scope.spawn(read));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(seen.iter().all(|value| *value == seen[0]), "{seen:?}");
}

#[test]
fn the_same_place_serves_the_next_payload_of_its_type() {
    fn place<T: 'static>(event: &Event) -> (*const Inner, *const T) {
        match event.arc().body.as_deref() {
            Some(Body::Typed(held)) => (&raw const **event.arc(), held.value().unwrap().downcast_ref::<T>().unwrap()),
            _ => unreachable!("not typed"),
        }
    }

    let first = one(1_u64);
    assert_eq!(first.get("one"), Some(&1.into()));
    let at = place::<One<u64>>(&first);
    drop(first);
    // In between, the memory serves an event that has none.
    let plain = Draft::new(Kind::from_static("test.typed.one").unwrap(), None).finish();
    assert_eq!(&raw const **plain.arc(), at.0);
    assert!(!plain.is_typed() && plain.fields_ready() && plain.payload().is_empty());
    assert!(plain.payload_as::<One<u64>>().is_none());
    drop(plain);
    let second = one(2_u64);
    assert_eq!(place::<One<u64>>(&second), at);
    assert_eq!(second.get("one"), Some(&2.into()), "nothing of the first one's fields");
    drop(second);
    let other = one(Text::from("x"));
    assert_eq!(place::<One<Text>>(&other).0, at.0);
    assert_eq!((other.get("one"), other.payload_as::<One<u64>>().is_none()), (Some(&"x".into()), true));
}

#[test]
fn a_record_in_two_histories_keeps_the_payload() {
    let mut event = one(String::from("x"));
    let copy = event.clone();
    let relay = event.record_form();
    let found = Event::from_record(&relay);
    assert!(Event::same_instance(&found, &copy));
    drop((event, copy, found));
    assert_eq!(Event::from_evicted(relay).payload_as::<One<String>>().map(|one| &*one.0), Some("x"));
}

#[test]
fn what_is_retyped_keeps_all_but_its_fields() {
    let built = Event::builder("test.typed.one").source("s").project_path("p").correlation_id("c").field("one", 7);
    let built = built.priority(crate::Priority::Low).build().unwrap();
    let typed = built.retyped(built.kind().clone(), One(7));
    assert_eq!(typed.to_map(), built.to_map());
    assert!(typed.is_typed() && !Event::same_instance(&typed, &built));
}
