//~ `priority` is metadata: write `priority: value` before the fields
fn main() {
    let priority = 1;
    ringbus::publish_event!("db.open", size = 3, %priority);
}
