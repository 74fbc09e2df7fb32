fn main() {
    let (bus, mut seen) = (ringbus::Bus::new(), Vec::new());
    let _guard = bus.on("job").unwrap().in_thread().subscribe(move |job| seen.push(job.id())).unwrap();
}
