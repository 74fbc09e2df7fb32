#[derive(ringbus::Payload)]
#[payload(kind = "app.count")]
struct Count {
    of: u32,
}

fn main() {
    let bus = ringbus::Bus::new();
    let _guard = bus.subscribe_to(|count: &Count| println!("{}", count.of));
}
