use ringbus::{Event, FieldReader, FieldWriter, Payload};

struct Open;

impl Payload for Open {
    const KIND: &'static str = "db.open";

    fn field_names() -> &'static [&'static str] {
        &[]
    }

    fn write_fields(&self, _: &mut FieldWriter<'_>) {}

    fn read_fields(_: &mut FieldReader<'_>) -> Option<Self> {
        Some(Self)
    }
}

fn main() {
    let _ = Event::from_payload(Open);
}
