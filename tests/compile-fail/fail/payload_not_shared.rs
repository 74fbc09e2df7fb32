//~ `Rc<u8>` cannot be sent between threads safely
use std::rc::Rc;

#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    #[payload(skip)]
    pool: Rc<u8>,
}

fn main() {}
