//~ type mismatch in closure arguments
#[derive(ringbus::Payload)]
#[payload(kind = "app.count")]
struct Count {
    of: u32,
}

#[derive(ringbus::Payload)]
#[payload(kind = "app.name")]
struct Name {
    of: String,
}

fn main() {
    let bus = ringbus::Bus::new();
    let _guard = bus.on_payload::<Count>().unwrap().subscribe(|name: &Name| println!("{}", name.of));
}
