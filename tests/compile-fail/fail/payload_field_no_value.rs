//~ `Pool` cannot be an event field
struct Pool;

#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    size: u8,
    pool: Pool,
}

fn main() {}
