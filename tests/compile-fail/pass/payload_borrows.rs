#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    _name: String,
}

fn main() {}
