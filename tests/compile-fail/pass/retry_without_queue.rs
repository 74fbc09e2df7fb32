use std::num::NonZeroU32;

fn main() {
    let (bus, retry) = (ringbus::Bus::new(), ringbus::Retry::times(NonZeroU32::MIN));
    let _guard = bus.on("job").unwrap().in_thread().retry(retry).try_subscribe(|_| Ok(())).unwrap();
}
