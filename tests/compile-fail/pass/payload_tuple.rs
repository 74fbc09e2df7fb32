#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    _size: u8,
}

fn main() {}
