struct Pool;

#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    _size: u8,
    #[payload(skip)]
    _pool: Option<Pool>,
}

fn main() {}
