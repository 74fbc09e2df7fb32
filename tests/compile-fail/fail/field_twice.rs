//~ a field name is given twice in this publish_event!
fn main() {
    ringbus::publish_event!("db.open", size = 3, "size" = 4);
}
