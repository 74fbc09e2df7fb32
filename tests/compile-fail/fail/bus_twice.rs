//~ `bus:` comes first, and once
fn main() {
    let bus = ringbus::Bus::new();
    ringbus::publish_event!(bus: &bus, bus: &bus, "db.open");
}
