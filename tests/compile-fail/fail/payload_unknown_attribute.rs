//~ `name` is no payload attribute of a struct; allowed are `kind`, `validate` and `crate`
#[derive(ringbus::Payload)]
#[payload(kind = "db.open", name = "x")]
struct Open {
    #[payload(optional)]
    size: u8,
}

fn main() {}
