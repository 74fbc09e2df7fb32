use super::*;
use crate::event::{EventId, Kind, Priority, Text};
use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn refuse(json: &str) -> JsonError {
    Event::from_json(json, Unknown::Refuse).unwrap_err()
}

/// An event of kind `a` whose payload is `payload`.
fn with_payload(payload: &str) -> String {
    format!(r#"{{"type": "a", "payload": {payload}}}"#)
}

fn payload(json: &str) -> Value {
    let event = Event::from_json(&with_payload(&format!(r#"{{"x": {json}}}"#)), Unknown::Refuse).unwrap();
    event.get("x").unwrap().clone()
}

#[test]
fn the_form_is_stable() {
    let bare = Event::builder("a.b").id(EventId::from_u128(42)).timestamp(UNIX_EPOCH).build().unwrap();
    assert_eq!(
        bare.to_json(),
        r#"{"id":"00000000-0000-0000-0000-00000000002a","type":"a.b","timestamp":"1970-01-01T00:00:00.000000Z","source":null,"project_path":null,"correlation_id":null,"priority":"normal","payload":{}}"#
    );
    let full = Event::builder("terminal.error")
        .id(EventId::from_u128(u128::MAX))
        .timestamp(UNIX_EPOCH + Duration::from_micros(1_795_231_964_123_456))
        .source("daemon")
        .project_path("/srv/app")
        .correlation_id("req \"7\"\n")
        .priority(Priority::Critical)
        .field("error", "TypeError")
        .field("line", 42)
        .build()
        .unwrap();
    assert_eq!(
        full.to_json(),
        r#"{"id":"ffffffff-ffff-ffff-ffff-ffffffffffff","type":"terminal.error","timestamp":"2026-11-21T03:32:44.123456Z","source":"daemon","project_path":"/srv/app","correlation_id":"req \"7\"\n","priority":"critical","payload":{"error":"TypeError","line":42}}"#
    );
    let same = Event::from_json(&full.to_json(), Unknown::Refuse).unwrap();
    assert_eq!(same.to_map(), full.to_map());
}

#[test]
fn id_and_time_survive_to_the_last_bit_and_microsecond() {
    for micros in [0, 1, 999_999, 1_000_000, 1_795_231_964_123_456, 253_402_300_799_999_999] {
        let event = Event::builder("a").timestamp(UNIX_EPOCH + Duration::from_micros(micros)).build().unwrap();
        let same: Event = serde_json::from_str(&event.to_json()).unwrap();
        assert_eq!((same.id(), same.timestamp()), (event.id(), event.timestamp()));
    }
}

#[test]
fn what_json_knows_comes_back_as_it_was() {
    for value in [
        Value::Null,
        true.into(),
        i64::MIN.into(),
        (-1).into(),
        u64::MAX.into(),
        1.0.into(),
        (-0.1).into(),
        f64::MAX.into(),
        f64::MIN_POSITIVE.into(),
        "".into(),
        "\u{0}\n\"\\\u{1f980}\u{2028}".into(),
        Value::from([Value::Null, [1, 2].into(), Value::List([].into())]),
        [("a", Value::Null), ("", [("b", 1)].into_iter().collect())].into_iter().collect(),
    ] {
        let event = Event::builder("a").field("x", &value).build().unwrap();
        let same = Event::from_json(&event.to_json(), Unknown::Refuse).unwrap();
        assert_eq!(same.get("x"), Some(&value));
    }
}

#[test]
fn what_json_does_not_know_is_written_in_the_nearest_form() {
    for (value, json) in [
        (Value::from(i128::MIN), "\"-170141183460469231731687303715884105728\""),
        (u128::MAX.into(), "\"340282366920938463463374607431768211455\""),
        (f64::NAN.into(), "null"),
        (f64::INFINITY.into(), "null"),
        (Value::bytes([0, 255]), "[0,255]"),
        ((UNIX_EPOCH + Duration::from_nanos(1_999)).into(), "\"1970-01-01T00:00:00.000001Z\""),
        ((UNIX_EPOCH - Duration::from_secs(1)).into(), "\"@-1.000000\""),
        (Duration::from_millis(1500).into(), "1.5"),
    ] {
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
    }
}

#[test]
fn numbers_become_integers_where_they_fit() {
    assert_eq!(payload("-9223372036854775808"), Value::Int(i64::MIN));
    assert_eq!(payload("9223372036854775808"), Value::UInt(1 << 63));
    assert_eq!(payload("18446744073709551615"), Value::UInt(u64::MAX));
    assert_eq!(payload("18446744073709551616"), Value::Float(18_446_744_073_709_551_616.0));
    assert_eq!(payload("-9223372036854775809"), Value::Float(-9_223_372_036_854_775_808.0));
    assert_eq!((payload("1.0"), payload("1e2")), (Value::Float(1.0), Value::Float(100.0)));
    let error = refuse(&with_payload(r#"{"x": 1e400}"#));
    assert!(matches!(error, JsonError::Syntax(_)) && error.to_string().contains("number out of range"), "{error}");
}

#[test]
fn members_may_be_missing_null_and_in_any_order() {
    let before = SystemTime::now() - Duration::from_secs(2);
    let bare = Event::from_json(r#"{"type":"a"}"#, Unknown::Refuse).unwrap();
    let nulls = r#"{"payload":null,"priority":null,"correlation_id":null,"project_path":null,"source":null,
                    "timestamp":null,"type":"a","id":null}"#;
    let nulls = Event::from_json(nulls, Unknown::Refuse).unwrap();
    for event in [&bare, &nulls] {
        assert!(event.timestamp() > before && event.payload().is_empty());
        assert_eq!((event.source(), event.project_path(), event.correlation_id()), (None, None, None));
        assert_eq!(event.priority(), Priority::Normal);
    }
    assert_ne!(bare.id(), nulls.id());
}

#[test]
fn a_cause_and_its_hops_stand_before_the_priority_and_are_read_back() {
    let id = |bits| EventId::from_u128(bits);
    let event = Event::builder("a").cause(id(7)).build().unwrap();
    let cause = r#""correlation_id":null,"cause":"00000000-0000-0000-0000-000000000007","hops":1,"priority""#;
    assert!(event.to_json().contains(cause), "{}", event.to_json());
    let with = |members: &str| {
        Event::from_json(&format!(r#"{{"type": "a", {members}}}"#), Unknown::Refuse)
            .map(|event| (event.cause(), event.hops()))
    };
    let cause = format!(r#""cause": "{}""#, id(7));
    let cases = [(String::new(), 1), (r#", "hops": null"#.into(), 1), (format!(r#", "hops": {}"#, u32::MAX), u32::MAX)];
    for (hops, expected) in cases {
        assert_eq!(with(&format!("{cause}{hops}")).unwrap(), (Some(id(7)), expected));
    }
    // In either order.
    assert_eq!(with(&format!(r#""hops": 5, {cause}"#)).unwrap(), (Some(id(7)), 5));
    for hops in ["0", "-1", "1.5", "4294967296", "\"1\"", "[]"] {
        let error = with(&format!(r#"{cause}, "hops": {hops}"#)).unwrap_err();
        assert_eq!(error.path(), Some("hops"), "{error}");
    }
    assert_eq!(with(r#""cause": null, "hops": 1"#).unwrap_err().path(), Some("hops"));
    let error = with(r#""cause": "x""#).unwrap_err();
    assert_eq!(error.to_string(), format!("`cause`: {}", "x".parse::<EventId>().unwrap_err()));
    let expected = <Option<EventId> as crate::FromValue>::expected();
    assert_eq!(error.to_fault(&parse(r#"{"cause": "x"}"#).unwrap()).expected, expected);
}

#[test]
fn wrong_members_are_named_with_what_is_found_and_allowed() {
    for (json, path, message) in [
        ("[1]", None, r#"the JSON is [1]; allowed is an object, such as {"type": "a.b"}"#),
        ("{}", Some("type"), "`type` is missing; an event must have it"),
        (r#"{"type": null}"#, Some("type"), "`type` is null; allowed is text"),
        (r#"{"type": ["a"]}"#, Some("type"), r#"`type` is ["a"]; allowed is text"#),
        (r#"{"type": "a", "id": 7}"#, Some("id"), "`id` is 7; allowed is text or null"),
        (r#"{"type": "a", "source": true}"#, Some("source"), "`source` is true; allowed is text or null"),
        (r#"{"type": "a", "project_path": {}}"#, Some("project_path"), "`project_path` is {}; allowed is text or null"),
        (
            r#"{"type": "a", "correlation_id": 1.5}"#,
            Some("correlation_id"),
            "`correlation_id` is 1.5; allowed is text or null",
        ),
        (r#"{"type": "a", "cause": 7}"#, Some("cause"), "`cause` is 7; allowed is text or null"),
        (
            r#"{"type": "a", "hops": 1}"#,
            Some("hops"),
            "`hops` is 1; allowed is an integer of 1 to 4294967295 beside a cause, or null",
        ),
        (r#"{"type": "a", "priority": 1}"#, Some("priority"), "`priority` is 1; allowed is text or null"),
        (r#"{"type": "a", "payload": [1]}"#, Some("payload"), "`payload` is [1]; allowed is an object or null"),
        (
            r#"{"type": "a", "timestamp": "yesterday"}"#,
            Some("timestamp"),
            "`timestamp` is \"yesterday\"; allowed is an RFC 3339 time in UTC, such as \"2026-11-21T03:32:44.123456Z\", or null",
        ),
        (
            r#"{"type": "a", "colour": 1}"#,
            Some("colour"),
            "`colour` is no member of an event; allowed are id, type, timestamp, source, project_path, correlation_id, cause, hops, priority, payload",
        ),
    ] {
        let error = refuse(json);
        assert_eq!((error.path(), error.to_string().as_str()), (path, message));
        assert!(error.source().is_none());
    }
    for time in
        ["1969-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2026-11-21T03:32:44+02:00", "2026-11-21", "", "🦀🦀🦀🦀🦀🦀"]
    {
        assert_eq!(refuse(&format!(r#"{{"type": "a", "timestamp": "{time}"}}"#)).path(), Some("timestamp"));
    }
}

#[test]
fn good_types_with_bad_values_are_refused_with_their_reason() {
    for (json, path, reason) in [
        (r#"{"type": "a..b"}"#, "type", "segment 2 is empty"),
        (r#"{"type": "a", "id": "7"}"#, "id", "\"7\""),
        (r#"{"type": "a", "priority": "urgent"}"#, "priority", "allowed are low, normal, high, critical"),
    ] {
        let error = refuse(json);
        assert!(matches!(error, JsonError::Refused { .. }), "{error:?}");
        assert_eq!(error.path(), Some(path));
        assert!(error.to_string().starts_with(&format!("`{path}`: ")) && error.to_string().contains(reason), "{error}");
        assert_eq!(error.to_string(), format!("`{path}`: {}", error.source().unwrap()));
    }
    let many: Vec<String> = (0..65_536).map(|n| format!("\"{n}\":0")).collect();
    let error = refuse(&with_payload(&format!("{{{}}}", many.join(","))));
    assert_eq!(error.to_string(), "`payload`: 65536 fields are too many; allowed are 65535");
}

#[test]
fn names_given_twice_are_found_at_any_depth() {
    for (json, path) in [
        (r#"{"type": "a", "type": "a"}"#, "type"),
        (r#"{"type": "a", "zzz": 1, "zzz": 1}"#, "zzz"),
        (&with_payload(r#"{"x": 1, "y": 2, "x": 1}"#), "payload.x"),
        (&with_payload(r#"{"l": [0, {"m": {"x": 1, "x": 2}}]}"#), "payload.l[1].m.x"),
        (&with_payload(r#"{"a b": {"": 1, "": 2}}"#), r#"payload."a b"."""#),
    ] {
        let error = refuse(json);
        assert!(matches!(error, JsonError::Duplicate { .. }), "{error:?}");
        assert_eq!(error.path(), Some(path));
    }
    let error = serde_json::from_str::<Value>(r#"[{"x": 1, "x": 1}]"#).unwrap_err();
    assert!(error.to_string().starts_with("`[0].x` is given twice"), "{error}");
}

#[test]
fn unknown_members_can_become_fields() {
    let json = r#"{"type": "a", "host": {"name": "db1"}, "payload": {"x": 1}, "n": null}"#;
    let event = Event::from_json(json, Unknown::IntoPayload).unwrap();
    assert_eq!(event.payload().len(), 3);
    assert_eq!((event.get("x"), event.get("n")), (Some(&Value::Int(1)), Some(&Value::Null)));
    assert_eq!(event.get("host").unwrap().to_string(), r#"{name: "db1"}"#);

    let clash = Event::from_json(r#"{"type": "a", "payload": {"x": 1}, "x": 1}"#, Unknown::IntoPayload).unwrap_err();
    assert!(matches!(clash, JsonError::Duplicate { .. }) && clash.path() == Some("payload.x"), "{clash:?}");
    assert_eq!(serde_json::from_str::<Event>(json).unwrap_err().to_string(), refuse(json).to_string());
}

#[test]
fn text_that_is_no_json_tells_where() {
    for json in ["", "{", "{\"type\": \"a\",}", "{} {}", "nul", "\"\\ud800\"", &"[".repeat(1_000_000)] {
        let error = refuse(json);
        assert!(matches!(error, JsonError::Syntax(_)) && error.path().is_none(), "{error:?}");
        assert!(error.to_string().contains("line 1 column"), "{error}");
        assert!(error.source().unwrap().is::<serde_json::Error>());
    }
    let deep = with_payload(&format!("{{\"x\": {}1{}}}", "[".repeat(200), "]".repeat(200)));
    assert!(refuse(&deep).to_string().contains("recursion limit exceeded"));
}

#[test]
fn what_is_taken_into_the_payload_can_be_read_again() {
    let extra = |levels: usize| format!(r#"{{"type": "a", "x": {}1{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let event = Event::from_json(&extra(125), Unknown::IntoPayload).unwrap();
    assert_eq!(Event::from_json(&event.to_json(), Unknown::Refuse).unwrap().payload(), event.payload());
    let error = Event::from_json(&extra(126), Unknown::IntoPayload).unwrap_err();
    assert_eq!(error.path(), Some("x"));
    assert!(error.to_string().ends_with("allowed is a value of at most 125 levels"), "{error}");
    // Any name is told as one that nobody wants.
    for name in ["x,y", &"x".repeat(100_000)] {
        let json = extra(126).replace("\"x\"", &format!("{name:?}"));
        let [deep, unknown] =
            [Unknown::IntoPayload, Unknown::Refuse].map(|how| Event::from_json(&json, how).unwrap_err());
        assert!(matches!((&deep, &unknown), (JsonError::Wrong { .. }, JsonError::Unknown { .. })));
        assert!(deep.path() == unknown.path() && deep.to_string().len() < 500, "{deep}");
    }
}

#[test]
fn errors_stay_short_and_on_one_line() {
    let long = "x\n".repeat(100_000);
    let quoted = serde_json::to_string(&long).unwrap();
    for json in [
        format!(r#"{{"type": "a", {quoted}: 1}}"#),
        format!(r#"{{"type": "a", "timestamp": {quoted}}}"#),
        format!(r#"{{"type": {quoted}}}"#),
        format!(r#"{{"type": "a", "payload": [{quoted}]}}"#),
        format!(r#"{{"type": "a", {quoted}: 1, {quoted}: 1}}"#),
        format!(r#"{{"type": "a", "payload": {{{quoted}: {{"x": 1, "x": 1}}}}}}"#),
    ] {
        let message = refuse(&json).to_string();
        assert!(message.len() < 500 && !message.contains('\n'), "{message}");
        assert!(message.contains('…'), "{message}");
    }
    let exact = Value::from("x".repeat(78));
    assert_eq!(JsonError::wrong("a", &exact, "b").to_string(), format!("`a` is {exact}; allowed is b"));
}

#[test]
fn kinds_ids_priorities_and_texts_are_text() {
    fn same<T: Serialize + for<'de> Deserialize<'de> + PartialEq + core::fmt::Debug>(value: T, json: &str) {
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
        assert_eq!(serde_json::from_str::<T>(json).unwrap(), value);
        assert!(serde_json::from_str::<T>("7").is_err());
    }
    same(Kind::new("a.b").unwrap(), r#""a.b""#);
    same(EventId::from_u128(42), r#""00000000-0000-0000-0000-00000000002a""#);
    same(Priority::Low, r#""low""#);
    same(Text::from("a\tb"), r#""a\tb""#);
    assert!(serde_json::from_str::<Kind>(r#""a..b""#).unwrap_err().to_string().contains("segment 2 is empty"));
}

#[test]
fn numbers_are_read_where_another_crate_wants_them_precise() {
    for (digits, value) in [
        ("-5", Value::Int(-5)),
        ("18446744073709551615", Value::UInt(u64::MAX)),
        ("18446744073709551616", Value::Float(18_446_744_073_709_551_616.0)),
        ("1.5", Value::Float(1.5)),
    ] {
        assert_eq!(super::value::number(&digits.into()), value);
        assert_eq!(serde_json::from_str::<Value>(digits).unwrap(), value);
    }
}

#[test]
fn the_key_of_precise_numbers_is_a_name_like_any_other() {
    if super::value::passes_numbers_on() {
        return; // Nobody can tell them apart, if some crate has turned that on.
    }
    let event = Event::builder("a").field("$serde_json::private::Number", "5").build().unwrap();
    assert_eq!(Event::from_json(&event.to_json(), Unknown::Refuse).unwrap().payload(), event.payload());
}

#[test]
fn a_float_comes_back_to_the_bit() {
    for number in [123_456_789.123_456_79, 81.689_016_649_900_17, 5e-324, f64::MAX] {
        let json = Event::builder("a").field("x", number).build().unwrap().to_json();
        assert_eq!(Event::from_json(&json, Unknown::Refuse).unwrap().get("x"), Some(&Value::Float(number)), "{json}");
    }
}
