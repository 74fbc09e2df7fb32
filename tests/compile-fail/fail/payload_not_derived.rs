//~ `Open` is no payload
struct Open {
    _size: u8,
}

fn main() {
    let _ = ringbus::Event::from_payload(Open { _size: 3 });
}
