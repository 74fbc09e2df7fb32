//! `publish_event!` and the names around it: it takes none of the caller's for its own, and warns of nothing.
#![deny(warnings, unused_qualifications, unused_lifetimes, single_use_lifetimes, trivial_casts, let_underscore_drop)]
#![deny(variant_size_differences, unreachable_pub, clippy::all, clippy::pedantic, clippy::nursery)]

use ringbus::{Bus, Priority, publish_event};

fn last(bus: &Bus) -> String {
    let event = bus.recent(1).remove(0);
    format!("{} {}", event.kind(), event.payload())
}

#[test]
fn the_callers_variables_are_left_alone() {
    let bus = Bus::new();
    let (site, draft, value, text, kind, begun, refused) = (1, 2, 3, 4, 5, 6, 7);
    publish_event!(bus: &bus, "names", source: "x", site, draft, value, text, kind, begun, refused);
    assert_eq!(last(&bus), "names site=1 draft=2 value=3 text=4 kind=5 begun=6 refused=7");
    publish_event!(bus: &bus, kind: "names", site = site + draft, %value, ?text, bus = kind);
    assert_eq!(last(&bus), r#"names site=3 value="3" text="4" bus=5"#);
}

/// A variable's name in a pattern would mean these.
#[test]
#[expect(non_upper_case_globals, reason = "the names that a careless macro would use for its variables")]
fn the_callers_constants_and_statics_are_left_alone() {
    static site: i32 = 1;
    static draft: i32 = 2;
    static value: i32 = 3;
    const text: i32 = 4;
    const bus: i32 = 5;
    const begun: i32 = 6;
    const SITE: &str = "names.site";
    const KIND: &str = "names.kind";
    const __RINGBUS_CALLSITE: i32 = 7;
    static A_KIND_IS_CONSTANT_OR_ELSE_WRITTEN_AS_kind_COLON_VALUE: i32 = 8;
    let own = Bus::new();
    publish_event!(bus: &own, SITE, source: "x", site, draft, value, text, bus, begun);
    assert_eq!(last(&own), "names.site site=1 draft=2 value=3 text=4 bus=5 begun=6");
    publish_event!(bus: &own, KIND, a = __RINGBUS_CALLSITE, b = A_KIND_IS_CONSTANT_OR_ELSE_WRITTEN_AS_kind_COLON_VALUE);
    assert_eq!(last(&own), "names.kind a=7 b=8");
    publish_event!(bus: &own, kind: SITE, __RINGBUS_CALLSITE, value);
    assert_eq!(last(&own), "names.site __RINGBUS_CALLSITE=7 value=3");
}

/// Names of ours and of std, shadowed.
#[allow(dead_code, unused_macros, non_camel_case_types)]
mod shadowed {
    mod core {}
    mod std {}
    mod alloc {}
    struct ringbus;
    struct str;
    struct Some;
    struct None;
    struct Ok;
    struct Err;
    struct Option;
    struct Result;
    trait ToValue {
        fn to_value(&self);
        fn push(&self);
    }
    impl<T> ToValue for T {
        fn to_value(&self) {}
        fn push(&self) {}
    }
    macro_rules! concat {
        ($($any:tt)*) => {
            compile_error!("not this one")
        };
    }
    macro_rules! stringify {
        ($($any:tt)*) => {
            compile_error!("not this one")
        };
    }

    #[test]
    fn it_does_not_look_at_the_callers_names() {
        let bus = ::ringbus::Bus::new();
        ::ringbus::publish_event!(bus: &bus, "shadowed", source: "x", correlation_id: "y", n = 1, m = %2, a.b = ?3);
        ::ringbus::publish_event!(bus: &bus, kind: "shadowed", n = 1);
        assert_eq!(bus.recent(10).len(), 2);
    }
}

/// As a crate that passes on what it is built with.
#[allow(clippy::single_component_path_imports, unreachable_pub)]
mod facade {
    pub use ringbus;
    pub use ringbus::publish_event as emit;
}

#[test]
fn it_works_through_a_re_export() {
    let bus = Bus::new();
    facade::emit!(bus: &bus, "facade.emit", n = 1, cause = %2);
    facade::ringbus::publish_event!(bus: &bus, kind: "facade.path", source: "x");
    let event = facade::emit("facade.function", "x", None, [("n", 1)]);
    assert_eq!((bus.recent(10).len(), event.map(|event| event.payload().len()).ok()), (2, Some(1)));
}

#[test]
fn it_works_inside_a_macro_of_the_callers() {
    macro_rules! logged {
        ($kind:literal $(, $name:ident = $value:expr)*) => {{
            let draft = "the macro's";
            publish_event!(bus: &Bus::new(), $kind, logged.by = draft $(, $name = $value)*).event.unwrap()
        }};
    }
    let draft = "the caller's";
    let event = logged!("logged", draft = draft);
    assert_eq!(event.payload().to_string(), r#"logged.by="the macro's" draft="the caller's""#);
}

/// That this compiles under the lints above is the test.
#[test]
fn it_warns_of_nothing() {
    fn moved(bus: Bus, list: &[u8]) -> impl Fn(&str) + use<'_> {
        move |text| {
            publish_event!(bus: &bus, "lints.closure", list, text, len = text.len());
        }
    }
    let bus = Bus::new();
    let text = String::from("x");
    let borrowed = &text;
    publish_event!(bus: bus, "lints.bare");
    publish_event!(bus: &bus, "lints.borrowed", source: &text, text = &text, copy = text.clone(), more = *borrowed);
    publish_event!(bus: &bus, "lints.shown", priority: Priority::Low, %text, ?borrowed, a = %&text, b = ?(&text));
    publish_event!(bus: &bus, kind: &text, project_path: Some(&text), correlation_id: "x", n = { 1 }, m = (2));
    moved(bus.clone(), &[1])("text");
    assert_eq!(bus.recent(10).len(), 5);
}
