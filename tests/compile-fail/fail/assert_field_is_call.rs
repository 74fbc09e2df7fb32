//~ this is no field: `code(7)`; a field is `name = value`
fn main() {
    ringbus::assert_events!(ringbus::Bus::new(), ["db.error" {code(7)}]);
}
