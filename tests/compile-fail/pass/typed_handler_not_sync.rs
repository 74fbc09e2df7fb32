use std::sync::atomic::{AtomicU32, Ordering};

#[derive(ringbus::Payload)]
#[payload(kind = "app.count")]
struct Count {
    of: u32,
}

fn main() {
    let sum = AtomicU32::new(0);
    let _guard = ringbus::global().subscribe_to(move |count: &Count| _ = sum.fetch_add(count.of, Ordering::Relaxed));
}
