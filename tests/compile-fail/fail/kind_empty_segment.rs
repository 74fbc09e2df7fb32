//~ must not have an empty segment: no `.` at its ends, no `..`
fn main() {
    ringbus::publish_event!("db..open");
}
