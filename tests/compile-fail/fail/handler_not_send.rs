fn main() {
    let seen = std::rc::Rc::new(std::cell::Cell::new(0));
    let _guard = ringbus::subscribe(move |_| seen.set(seen.get() + 1));
}
