//~ `source:` is metadata and comes before the fields
fn main() {
    ringbus::publish_event!("db.open", size = 3, source: "pool");
}
