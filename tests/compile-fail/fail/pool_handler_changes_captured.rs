//~ as it is a captured variable in a `Fn` closure
// Several threads call it at once.
fn main() {
    let (bus, mut seen) = (ringbus::Bus::new(), Vec::new());
    let _guard = bus.on("job").unwrap().in_pool(2).subscribe(move |job| seen.push(job.id()));
}
