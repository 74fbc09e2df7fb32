//~ there is no kind
fn main() {
    ringbus::publish_event!();
}
