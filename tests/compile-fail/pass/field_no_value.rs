fn main() {
    #[derive(Debug)]
    struct Pool;
    ringbus::publish_event!("db.open", pool = ?Pool);
}
