fn main() {
    ringbus::publish_event!("db.any");
}
