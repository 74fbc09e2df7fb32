//~ `TakenOut: CalledByWorkers`
// Nobody is called who could be called again.
use std::num::NonZeroU32;

fn main() {
    let (bus, retry) = (ringbus::Bus::new(), ringbus::Retry::times(NonZeroU32::MIN));
    let _jobs = bus.on("job").unwrap().queued().retry(retry).receiver();
}
