//~ the kind comes before `source:`
fn main() {
    ringbus::publish_event!(source: "pool", "db.open");
}
