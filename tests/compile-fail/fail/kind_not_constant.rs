//~ A_KIND_IS_CONSTANT_OR_ELSE_WRITTEN_AS_kind_COLON_VALUE
fn main() {
    let kind = &*String::from("db.open");
    ringbus::publish_event!(kind, size = kind.len());
}
