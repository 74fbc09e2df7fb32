fn main() {
    let kind = &*String::from("db.open");
    ringbus::publish_event!(kind: kind, size = kind.len());
}
