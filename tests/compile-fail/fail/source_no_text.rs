//~ `{integer}` is no text for an event's metadata
fn main() {
    ringbus::publish_event!("db.open", source: 7 + 1);
}
