//~ `&'static str` cannot be read from an event field
#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    name: &'static str,
}

fn main() {}
