//~ give a `Bus`, a `Capture`, or a slice, array or `Vec` of events
fn main() {
    ringbus::assert_events!("db.error", ["db.error"]);
}
