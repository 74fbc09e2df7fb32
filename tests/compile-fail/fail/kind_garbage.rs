//~ this is no kind: `%size`
fn main() {
    let size = 3;
    ringbus::publish_event!(%size);
}
