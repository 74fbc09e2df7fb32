//~ dropping a subscription unsubscribes its handler at once; keep it, or `detach` it
#![deny(unused_must_use)]
fn main() {
    ringbus::subscribe(|_| {});
}
