//~ a payload has a kind: write `#[payload(kind = "...")]`
#[derive(ringbus::Payload)]
struct Open;

fn main() {}
