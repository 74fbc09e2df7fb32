//~ `bus:` comes first, and once
fn main() {
    let bus = ringbus::Bus::new();
    ringbus::publish_event!("db.open", bus: &bus);
}
