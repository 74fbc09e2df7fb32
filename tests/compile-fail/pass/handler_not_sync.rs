fn main() {
    let seen = std::sync::atomic::AtomicU32::new(0);
    let _guard = ringbus::subscribe(move |_| {
        seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
}
