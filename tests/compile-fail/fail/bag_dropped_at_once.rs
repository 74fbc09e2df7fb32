//~ dropping the bag unsubscribes all handlers in it at once
#![deny(unused_must_use)]
fn main() {
    ringbus::Subscriptions::new();
}
