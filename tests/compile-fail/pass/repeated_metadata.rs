fn main() {
    ringbus::publish_event!("db.open", source: "pool", project_path: "other");
}
