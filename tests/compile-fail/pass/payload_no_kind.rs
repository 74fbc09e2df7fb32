#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open;

fn main() {}
