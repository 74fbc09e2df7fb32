#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    #[payload(skip)]
    _size: u8,
}

fn main() {}
