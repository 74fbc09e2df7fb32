//! Payloads of one number. Each test has a kind of its own: several may be built into one program.

macro_rules! sample {
    ($name:ident($number:ty), $kind:literal) => {
        struct $name($number);

        impl ::ringbus::Payload for $name {
            const KIND: &'static str = $kind;

            fn field_names() -> &'static [&'static str] {
                &["n"]
            }

            fn write_fields(&self, fields: &mut ::ringbus::FieldWriter<'_>) {
                fields.write(&self.0);
            }

            fn read_fields(fields: &mut ::ringbus::FieldReader<'_>) -> Option<Self> {
                fields.read().map(Self)
            }
        }
    };
}
