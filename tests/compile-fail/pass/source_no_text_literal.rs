fn main() {
    ringbus::publish_event!("db.open", source: "7");
}
