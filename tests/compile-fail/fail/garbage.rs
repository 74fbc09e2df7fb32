//~ this is no field: `size => 3`
fn main() {
    ringbus::publish_event!("db.open", size => 3);
}
