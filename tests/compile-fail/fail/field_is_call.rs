//~ this is no field: `name.len()`
fn main() {
    let name = "pool";
    ringbus::publish_event!("db.open", name.len());
}
