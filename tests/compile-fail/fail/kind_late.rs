//~ the kind comes before all else, and once
fn main() {
    ringbus::publish_event!("db.open", kind: "db.close");
}
