use std::borrow::Cow;

#[derive(ringbus::Payload)]
#[payload(kind = "db.open")]
struct Open {
    _name: Cow<'static, str>,
}

fn main() {}
