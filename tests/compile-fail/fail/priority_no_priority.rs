//~ `str` is no priority
fn main() {
    ringbus::publish_event!("db.open", priority: "high");
}
