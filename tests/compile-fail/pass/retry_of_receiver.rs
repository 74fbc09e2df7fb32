fn main() {
    let bus = ringbus::Bus::new();
    let _jobs = bus.on("job").unwrap().queued().capacity(8).receiver().unwrap();
}
