fn main() {
    ringbus::publish_event!("db.open", "any text" = 3);
}
