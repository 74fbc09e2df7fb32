fn main() {
    let bus = ringbus::Bus::new();
    ringbus::publish_event!(bus: &bus, "db.error", code = 7);
    ringbus::assert_events!(bus, ["db.error" {code = 7}]);
}
