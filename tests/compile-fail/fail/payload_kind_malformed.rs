//~ must not have an empty segment: no `.` at its ends, no `..`
#[derive(ringbus::Payload)]
#[payload(kind = "db..open")]
struct Open;

fn main() {}
