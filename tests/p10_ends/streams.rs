//! A process whose standard streams are closed or broken works on; and where they can be written the library writes
//! nothing.

use std::num::NonZeroU32;
use std::panic::{catch_unwind, set_hook};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{env, thread};

use ringbus::{Bus, FailurePolicy, Outcome, publish_event};

use crate::child::{FILE, Scene, end};

pub(crate) const SCENES: &[Scene] = &[
    Scene { silent: true, ..Scene::new("nothing_is_printed", nothing_is_printed) },
    Scene::new("streams_are_closed", streams_are_closed),
    Scene::new("streams_are_broken", streams_are_broken),
];

/// The library prints nothing: panics are told by the process's panic hook, which is silent here.
fn nothing_is_printed() {
    set_hook(Box::new(|_| {}));
    end(everything_goes_wrong());
}

/// The default panic hook writes to what is not there, or to another file that has the number now.
fn streams_are_closed() {
    for stream in 0..3 {
        // SAFETY: a number; whoever uses the stream gets an error.
        assert_eq!(unsafe { libc::close(stream) }, 0);
    }
    end(everything_goes_wrong());
}

/// Whoever writes gets `EPIPE`; the signal is ignored, as Rust's start-up has it.
fn streams_are_broken() {
    let mut ends = [0; 2];
    // SAFETY: room for two numbers.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    // SAFETY: numbers of this process; the end that reads is closed.
    unsafe {
        assert_eq!((libc::dup2(ends[1], 1), libc::dup2(ends[1], 2)), (1, 2));
        assert_eq!((libc::close(ends[0]), libc::close(ends[1])), (0, 0));
    }
    // What the streams do to those who write to them.
    let broken = catch_unwind(|| println!("to nobody"));
    end(broken.is_err() && everything_goes_wrong());
}

/// All that goes wrong on a bus, with and without hooks; whether everything was counted.
fn everything_goes_wrong() -> bool {
    let warnings = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&warnings);
    let loud = Bus::builder()
        .on_failure(|failure| panic!("ordered: {failure}"))
        .on_warning(move |_| _ = count.fetch_add(1, Ordering::Relaxed))
        .slow_after(Duration::ZERO)
        .depth_limit(2)
        .build()
        .unwrap();
    let plain = Bus::builder().history(4).shards(1).build().unwrap();
    let path = env::var_os(FILE).unwrap();
    #[cfg(feature = "serde")]
    for bus in [&loud, &plain] {
        bus.on_panic_dump(&path).unwrap();
    }
    let good = [&loud, &plain].into_iter().all(one);
    #[cfg(feature = "serde")]
    let good = good & dumped(&plain, &path);
    let _ = path;
    good & (warnings.load(Ordering::Relaxed) > 0)
}

fn one(bus: &Bus) -> bool {
    let panics = bus.on("wrong.*").unwrap().subscribe(|_| panic!("ordered: a handler"));
    let _errs = bus.on("wrong.*").unwrap().named("errs").try_subscribe(|_| Err("ordered".into()));
    let policy = FailurePolicy::Quarantine { after: NonZeroU32::MIN };
    let _ends = bus.on("wrong.*").unwrap().failure_policy(policy).try_subscribe(|_| Err("ordered".into()));
    let mut good = publish_event!(bus: bus, "wrong.all").failed == 3;
    (0..50).for_each(|_| drop(publish_event!(bus: bus, "wrong.more")));
    good &= bus.stats().totals.failed == 3 + 2 * 50;
    // Nobody hears it; nobody keeps the guard; nobody has such a kind; and too deep.
    publish_event!(bus: bus, "unheard");
    drop(bus.on("dropped.at.once").unwrap().subscribe(|_| {}));
    good &= publish_event!(bus: bus, kind: "a..b").outcome == Outcome::InvalidKind;
    let weak = bus.downgrade();
    let deeper =
        bus.on("deep").unwrap().subscribe(move |_| drop(publish_event!(bus: &weak.upgrade().unwrap(), "deep")));
    publish_event!(bus: bus, "deep");
    good &= bus.stats().totals.depth_stops == 1;
    // A replay of what is long gone, a close that comes too late, a panic of nobody's.
    let late = bus.on("wrong.*").unwrap().replay(500).subscribe(|_| panic!("ordered: late"));
    good &= late.close_timeout(Duration::ZERO).is_ok() && deeper.close().is_ok() && panics.close().is_ok();
    good &= thread::spawn(|| panic!("ordered: a thread")).join().is_err();
    bus.reset();
    good
}

/// The black boxes are whole, whatever has the numbers of the streams; and one that cannot be written is counted.
#[cfg(feature = "serde")]
fn dumped(bus: &Bus, path: &std::ffi::OsStr) -> bool {
    use std::fs;

    let text = fs::read_to_string(path).unwrap();
    let whole = text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
    let dumps = text.matches(r#""record":"panic""#).count();
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
    let before = bus.stats().totals.failed_dumps;
    let died = thread::spawn(|| panic!("ordered: nowhere to write")).join().is_err();
    let failed = bus.stats().totals.failed_dumps - before;
    fs::remove_dir(path).unwrap();
    // Two boxes, and at least one dump of each that is of no handler.
    whole && dumps >= 4 && died && failed == 2
}
