fn main() {
    let name = "pool";
    ringbus::publish_event!("db.open", len = name.len());
}
