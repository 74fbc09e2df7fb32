//~ `&str` is no bus
fn main() {
    ringbus::publish_event!(bus: "db", "db.open");
}
