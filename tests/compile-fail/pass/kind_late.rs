fn main() {
    ringbus::publish_event!("db.open", kind = "db.close");
}
