//~ cannot be shared between threads safely
use std::cell::Cell;

#[derive(ringbus::Payload)]
#[payload(kind = "app.count")]
struct Count {
    of: u32,
}

fn main() {
    let sum = Cell::new(0);
    let _guard = ringbus::global().subscribe_to(move |count: &Count| sum.set(sum.get() + count.of));
}
