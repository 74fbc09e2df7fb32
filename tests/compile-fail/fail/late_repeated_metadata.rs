//~ `priority:` is given twice
fn main() {
    use ringbus::Priority;
    ringbus::publish_event!("db.open", priority: Priority::Low, source: "pool", priority: Priority::High);
}
