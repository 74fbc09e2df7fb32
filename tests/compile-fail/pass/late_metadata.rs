fn main() {
    ringbus::publish_event!("db.open", source: "pool", size = 3);
}
