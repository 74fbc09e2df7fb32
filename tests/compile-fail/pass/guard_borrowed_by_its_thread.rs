fn main() {
    let bus = ringbus::Bus::new();
    let guard = bus.subscribe(|_| {});
    let closing = std::thread::spawn(move || guard.close().unwrap());
    closing.join().unwrap();
}
