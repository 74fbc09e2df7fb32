fn main() {
    ringbus::publish_event!(kind: 7.to_string());
}
