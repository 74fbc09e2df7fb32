//~ cannot be shared between threads safely
// A list of guards that a handler keeps is shared by all publishers.
fn main() {
    let bus = ringbus::Bus::new();
    let guards = std::cell::RefCell::new(ringbus::Subscriptions::new());
    let weak = bus.downgrade();
    let _guard = bus.subscribe(move |_| guards.borrow_mut().push(weak.upgrade().unwrap().subscribe(|_| {})));
}
