fn main() {
    ringbus::assert_events!(vec![ringbus::Event::builder("db.error").build().unwrap()], ["db.error"]);
}
