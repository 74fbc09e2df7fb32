//~ `u32` is no payload
fn main() {
    let bus = ringbus::Bus::new();
    let _guard = bus.subscribe_to(|count: &u32| println!("{count}"));
}
