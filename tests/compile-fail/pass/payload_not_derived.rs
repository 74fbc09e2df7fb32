#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    _size: u8,
}

fn main() {
    let _ = ringbus::Event::from_payload(Open { _size: 3 });
}
