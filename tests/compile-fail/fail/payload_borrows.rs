//~ a payload owns what it holds: it has no lifetime parameters
#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open<'a> {
    name: &'a str,
}

fn main() {}
