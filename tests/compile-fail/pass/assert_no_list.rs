fn main() {
    ringbus::assert_events!(ringbus::Bus::new(), []);
}
