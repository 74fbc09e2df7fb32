#![deny(unused_must_use)]
fn main() {
    ringbus::subscribe(|_| {}).detach();
}
