//~ `source` is metadata: write `source: value` before the fields
fn main() {
    ringbus::publish_event!("db.open", source = "pool");
}
