fn main() {
    ringbus::publish_event!("db.open", origin: "pool");
}
