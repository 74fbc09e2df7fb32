fn main() {
    const KIND: &str = "7";
    ringbus::publish_event!(KIND);
}
