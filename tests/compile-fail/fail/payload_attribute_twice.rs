//~ `kind` is given twice; allowed is once
#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
#[payload(kind = "db.opened")]
struct Open;

fn main() {}
