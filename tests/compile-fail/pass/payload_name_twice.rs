#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    _size: u8,
    #[payload(rename = "size")]
    _bytes: u8,
}

fn main() {}
