//~ must not contain `*`, white space or control characters
fn main() {
    ringbus::publish_event!("db open");
}
