fn main() {
    let _guard = ringbus::on(7);
}
