//~ write `%value` to record its `Display`, `?value` its `Debug`, or implement `ringbus::ToValue`
fn main() {
    struct Pool;
    ringbus::publish_event!("db.open", pool = Pool);
}
