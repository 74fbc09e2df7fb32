fn main() {
    ringbus::publish_event!("db.open", source: (7 + 1).to_string());
}
