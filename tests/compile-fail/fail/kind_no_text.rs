//~ expected `&str`
fn main() {
    const KIND: u32 = 7;
    ringbus::publish_event!(KIND);
}
