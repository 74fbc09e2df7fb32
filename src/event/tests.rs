use super::*;
use std::time::{Duration, UNIX_EPOCH};

#[test]
fn events_cross_threads_and_drafts_move() {
    fn sync<T: Send + Sync + std::panic::RefUnwindSafe + std::panic::UnwindSafe>() {}
    fn send<T: Send>() {}
    sync::<Event>();
    sync::<Value>();
    sync::<Text>();
    sync::<Kind>();
    sync::<EventBuilder>();
    sync::<BuildError>();
    send::<Draft>();
}

#[test]
fn a_draft_is_named_by_its_call_site() {
    static SITE: CallSite = CallSite::new("src/a.rs", 7, "app::a", &["error", "line"]);
    let before = crate::sync::clock::read();
    let mut draft = Draft::new(Kind::new("terminal.error").unwrap(), Some(&SITE));
    draft.set_source("daemon".into());
    draft.set_project_path("/srv/app".into());
    draft.set_correlation_id("req-7".into());
    draft.set_priority(Priority::High);
    draft.push("TypeError".to_value());
    let nested = Draft::new(Kind::new("nested").unwrap(), None).finish();
    draft.push(42.to_value());
    let event = draft.finish();

    assert_eq!((event.kind().as_str(), event.source()), ("terminal.error", Some("daemon")));
    assert_eq!((event.project_path(), event.correlation_id()), (Some("/srv/app"), Some("req-7")));
    assert_eq!((event.priority(), event.call_site()), (Priority::High, Some(&SITE)));
    assert_eq!(event.payload().to_string(), r#"error="TypeError" line=42"#);
    assert_eq!((event.get("line"), event.get("column")), (Some(&Value::Int(42)), None));
    assert_ne!(event.id(), nested.id());
    // What an argument published is older than the event it is an argument of.
    assert!(before.raw <= nested.arc().raw() && nested.arc().raw() <= event.arc().raw());
    assert!(event.timestamp() >= nested.timestamp());
}

#[test]
fn a_clone_is_the_same_instance() {
    let event = Event::builder("a").build().unwrap();
    let copy = event.clone();
    assert!(Event::same_instance(&event, &copy));
    drop(event);
    assert_eq!(copy.kind(), &"a");
    assert!(!Event::same_instance(&copy, &Event::builder("a").id(copy.id()).build().unwrap()));
}

#[test]
fn a_map_has_every_part() {
    let time = UNIX_EPOCH + Duration::from_micros(1_795_231_964_123_456);
    let event = Event::builder("terminal.error")
        .id(EventId::from_u128(1))
        .timestamp(time)
        .source("daemon")
        .priority(Priority::Low)
        .field("list", [1, 2])
        .field("b", true)
        .build()
        .unwrap();
    let expected = [
        ("correlation_id", Value::Null),
        ("id", "00000000-0000-0000-0000-000000000001".into()),
        ("payload", [("list", Value::from([1, 2])), ("b", true.into())].into_iter().collect()),
        ("priority", "low".into()),
        ("project_path", Value::Null),
        ("source", "daemon".into()),
        ("timestamp", time.into()),
        ("type", "terminal.error".into()),
    ];
    assert!(event.to_map().into_iter().eq(expected.map(|(name, value)| (name.to_owned(), value))));
}
