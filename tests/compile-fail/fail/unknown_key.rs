//~ `origin:` is no metadata key; those are source, project_path, correlation_id and priority
fn main() {
    ringbus::publish_event!("db.open", origin: "pool");
}
