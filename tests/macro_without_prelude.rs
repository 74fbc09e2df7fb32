//! `publish_event!` where no prelude is in scope.
#![no_implicit_prelude]

#[::core::prelude::v1::test]
fn it_needs_no_prelude() {
    let bus = ::ringbus::Bus::new();
    let text: &::core::primitive::str = "x";
    ::ringbus::publish_event!(bus: &bus, "bare.scope", source: text, priority: ::ringbus::Priority::Low,
                              n = 1, m = %2, o = ?3, text, "p" = 4);
    ::ringbus::publish_event!(bus: &bus, kind: "bare.scope", source: "x", n = 1);
    ::ringbus::publish_event!("bare.global", n = 1);
    ::std::assert_eq!(bus.recent(10).len(), 2);
}
