fn main() {
    ringbus::publish_event!("db.open", source: "pool", "source" = "pool");
}
