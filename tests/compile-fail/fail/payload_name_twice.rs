//~ two fields are named "size"; each name can be given once
#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    size: u8,
    #[payload(rename = "size")]
    bytes: u8,
}

fn main() {}
