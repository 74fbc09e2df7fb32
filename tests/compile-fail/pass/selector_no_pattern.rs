fn main() {
    let _guard = ringbus::on(["db.*", "pool.**"]);
}
