//~ `String` cannot be published
fn main() {
    let bus = ringbus::Bus::new();
    bus.publish("app.start".to_owned());
}
