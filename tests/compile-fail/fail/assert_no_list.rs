//~ assert_events!(source, ["a.kind", "a.*" {field = value}, ...] [, "message", ...])
fn main() {
    ringbus::assert_events!(ringbus::Bus::new(), "db.error");
}
