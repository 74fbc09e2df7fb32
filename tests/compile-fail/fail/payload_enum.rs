//~ a payload is a struct, not an enum
#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
enum Open {
    Read,
}

fn main() {}
