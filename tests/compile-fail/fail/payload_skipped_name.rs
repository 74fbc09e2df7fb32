//~ a field that is skipped has no name in the event
#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    #[payload(skip, rename = "x")]
    size: u8,
}

fn main() {}
