//! `assert_events!` where no prelude is in scope.
#![no_implicit_prelude]

#[::core::prelude::v1::test]
fn it_needs_no_prelude() {
    const OPEN: &::core::primitive::str = "bare.open";
    let bus = ::ringbus::Bus::new();
    ::ringbus::publish_event!(bus: &bus, "bare.open", n = 1, a.b = 2);
    ::ringbus::assert_events!(bus, ["bare.*" {n = 1, a.b = 2, "n" = 1}], "message {}", 1);
    ::ringbus::assert_events!(bus, [OPEN {n = 1}]);
    ::ringbus::assert_events!(bus, [OPEN], "message");
    ::ringbus::assert_events!(bus.recent(0), []);
}
