//~ `{integer}` is no event kind
fn main() {
    ringbus::publish_event!(kind: 7);
}
