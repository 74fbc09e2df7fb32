fn main() {
    ringbus::publish_event!("db.open", source: "pool");
    ringbus::publish_event!("db.open", "source" = "pool");
}
