fn main() {
    use ringbus::Priority;
    ringbus::publish_event!("db.open", priority: Priority::Low, source: "pool", correlation_id: "7");
}
