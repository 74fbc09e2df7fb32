//~ this is no field: `name = 3 size = 4`
fn main() {
    ringbus::publish_event!("db.open", name = 3 size = 4);
}
