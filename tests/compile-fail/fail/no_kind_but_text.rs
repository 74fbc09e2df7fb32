//~ the kind comes before the fields
fn main() {
    ringbus::publish_event!("any text" = 3);
}
