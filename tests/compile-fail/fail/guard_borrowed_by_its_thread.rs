//~ `guard` does not live long enough
// A guard's thread must not outlive what it borrows: it would close what is gone.
fn main() {
    let bus = ringbus::Bus::new();
    let guard = bus.subscribe(|_| {});
    let closing = std::thread::spawn(|| guard_close(&guard));
    closing.join().unwrap();
}

fn guard_close(guard: &'static ringbus::Subscription) {
    guard.close().unwrap();
}
