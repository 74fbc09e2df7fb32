fn main() {
    let size = 3;
    ringbus::publish_event!("db.open", %size);
}
