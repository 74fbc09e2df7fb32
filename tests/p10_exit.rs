//! P10: publishing at exit, when the thread's own locals are gone and other threads still publish. The process that
//! ends is this test's own program, run once more.
#![cfg(all(unix, not(ringbus_loom)))]

use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;

use ringbus::{Outcome, publish_event};

/// Set in the process that is to end.
const ENDING: &str = "RINGBUS_TEST_ENDING";

/// What is wrong, as bits of the exit code; 0 would also be the code of a process that skipped the handlers.
static FAULTS: AtomicU64 = AtomicU64::new(GOOD);
const GOOD: u64 = 64;

fn wrong(bit: u64, is: bool) {
    FAULTS.fetch_or(if is { bit } else { 0 }, Ordering::Relaxed);
}

/// Runs first: registered last, after the thread's first publish.
extern "C" fn first() {
    let delivery = publish_event!("exit.first", n = 1, text = "a text that is not stored in place");
    wrong(1, delivery.outcome != Outcome::Published || delivery.delivered != 1);
    wrong(2, !ringbus::recent(100_000).iter().any(|event| Some(event.id()) == delivery.event.as_ref().map(|e| e.id())));
    let guard = ringbus::on("exit.*").unwrap().subscribe(|_| {});
    wrong(4, publish_event!(kind: format!("exit.{}", "second")).delivered != 2);
    wrong(8, guard.close().is_err());
}

/// Runs last: registered before anything was published.
extern "C" fn last() {
    wrong(16, publish_event!("exit.last").delivered != 1);
    let code = FAULTS.load(Ordering::Relaxed);
    // SAFETY: ends the process at once; the other thread holds nothing that is needed.
    unsafe { libc::_exit(i32::try_from(code).unwrap_or(1)) };
}

fn end() -> ! {
    // SAFETY: the handlers are functions of this program, which does not unload itself.
    assert_eq!(unsafe { libc::atexit(last) }, 0);
    let bus = ringbus::Bus::builder().history(100_000).build().unwrap();
    ringbus::set_global(bus).unwrap();
    ringbus::on("exit.**").unwrap().subscribe(|_| {}).detach();
    publish_event!("exit.before");
    // SAFETY: as above.
    assert_eq!(unsafe { libc::atexit(first) }, 0);
    let (started, start) = channel();
    std::thread::spawn(move || {
        started.send(()).unwrap();
        // As long as the process lives, but not so much that it pushes the exit's events out of the history.
        for n in 0.. {
            publish_event!(bus: &ringbus::Bus::new(), "other.bus");
            if n < 50_000 {
                publish_event!("other.thread");
            }
        }
    });
    start.recv().unwrap();
    std::process::exit(0);
}

#[test]
fn p10_handlers_at_exit_publish_read_and_subscribe() {
    if env::var_os(ENDING).is_some() {
        end();
    }
    let mut program = Command::new(env::current_exe().unwrap());
    let ended =
        program.args(["--exact", "p10_handlers_at_exit_publish_read_and_subscribe"]).env(ENDING, "1").output().unwrap();
    let faults = "1: not published, 2: not readable, 4: not seen, 8: not closed, 16: not published last";
    assert_eq!(ended.status.code(), Some(GOOD as i32), "{faults}; {ended:?}");
}
