fn main() {
    static LOCK: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _guard = ringbus::subscribe(move |_| drop(LOCK.lock()));
}
