//~ cannot be sent between threads safely
fn main() {
    static LOCK: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let held = LOCK.lock().unwrap();
    let _guard = ringbus::subscribe(move |_| drop(&held));
}
