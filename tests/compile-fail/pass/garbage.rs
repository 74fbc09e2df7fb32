fn main() {
    ringbus::publish_event!("db.open", size = 3);
}
