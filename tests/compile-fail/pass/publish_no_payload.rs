fn main() {
    let bus = ringbus::Bus::new();
    bus.publish(ringbus::Event::builder("app.start").build().unwrap());
}
