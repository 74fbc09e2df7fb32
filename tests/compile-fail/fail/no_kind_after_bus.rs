//~ there is no kind
fn main() {
    let bus = ringbus::Bus::new();
    ringbus::publish_event!(bus: &bus,);
}
