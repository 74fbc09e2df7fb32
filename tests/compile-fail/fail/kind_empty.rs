fn main() {
    ringbus::publish_event!("");
}
