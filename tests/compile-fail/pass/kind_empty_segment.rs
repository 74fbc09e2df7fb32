fn main() {
    ringbus::publish_event!("db.x.open");
}
