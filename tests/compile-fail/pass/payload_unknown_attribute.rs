#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    #[payload(rename = "x")]
    _size: u8,
}

fn main() {}
