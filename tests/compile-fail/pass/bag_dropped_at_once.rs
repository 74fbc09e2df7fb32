fn main() {
    let guards = ringbus::Subscriptions::new();
    assert!(guards.is_empty());
}
