fn main() {
    let bus = ringbus::Bus::new();
    let guards = std::sync::Mutex::new(ringbus::Subscriptions::new());
    let weak = bus.downgrade();
    let _guard = bus.subscribe(move |_| guards.lock().unwrap().push(weak.upgrade().unwrap().subscribe(|_| {})));
}
