fn main() {
    struct Pool;
    ringbus::publish_event!("db.open", pool = Pool);
}
