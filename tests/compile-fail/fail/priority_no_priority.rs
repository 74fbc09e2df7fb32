fn main() {
    ringbus::publish_event!("db.open", priority: "high");
}
