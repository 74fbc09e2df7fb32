//~ the kind of an event must not be empty
fn main() {
    ringbus::publish_event!("");
}
