//~ `{integer}` does not select kinds
fn main() {
    let _guard = ringbus::on(7);
}
