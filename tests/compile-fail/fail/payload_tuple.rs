//~ the fields of a payload have names
#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open(u8);

fn main() {}
