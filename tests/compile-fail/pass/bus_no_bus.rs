fn main() {
    let bus = std::sync::Arc::new(ringbus::Bus::new());
    ringbus::publish_event!(bus: bus, "db.open");
}
