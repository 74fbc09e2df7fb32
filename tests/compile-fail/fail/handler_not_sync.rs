//~ cannot be shared between threads safely
fn main() {
    let seen = std::cell::Cell::new(0);
    let _guard = ringbus::subscribe(move |_| seen.set(seen.get() + 1));
}
