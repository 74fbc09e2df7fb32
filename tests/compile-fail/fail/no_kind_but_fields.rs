//~ the kind comes before the fields
fn main() {
    ringbus::publish_event!(size = 3);
}
