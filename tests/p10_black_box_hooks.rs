//! P10: black boxes that are installed on several threads at once lose neither one another nor the hook from before. A
//! binary of its own, and one test: the panic hook is the process's.
#![cfg(all(feature = "serde", not(ringbus_loom)))]

use std::panic::{catch_unwind, set_hook};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process, thread};

use ringbus::{Bus, publish_event};

const THREADS: usize = 4;
const ROUNDS: usize = 50;

#[test]
fn p10_black_boxes_installed_at_once_all_stay() {
    static HOOKS: AtomicUsize = AtomicUsize::new(0);
    set_hook(Box::new(|_| _ = HOOKS.fetch_add(1, Ordering::Relaxed)));
    // Between the two halves of an installation the others get a chance.
    #[cfg(feature = "inject")]
    assert!(ringbus::__inject::set_step_hook(Box::new(|step| {
        if step == "dump.taken" {
            (0..10).for_each(|_| thread::yield_now());
        }
    })));
    let path = env::temp_dir().join(format!("ringbus-box-hooks-{}", process::id()));
    let bus = Bus::new();
    publish_event!(bus: &bus, "box.step", n = 1);
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    barrier.wait();
                    bus.on_panic_dump(&path).unwrap();
                }
            });
        }
    });
    assert!(catch_unwind(|| panic!("ordered")).is_err());
    let text = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    // Back to the default hook for what is asserted.
    drop(std::panic::take_hook());
    assert_eq!(text.matches(r#""record":"panic""#).count(), THREADS * ROUNDS);
    assert_eq!(HOOKS.load(Ordering::Relaxed), 1, "the hook from before runs once");
}
