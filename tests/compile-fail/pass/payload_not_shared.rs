use std::sync::Arc;

#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    #[payload(skip)]
    _pool: Arc<u8>,
}

fn main() {}
