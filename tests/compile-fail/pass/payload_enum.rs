#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    _read: bool,
}

fn main() {}
