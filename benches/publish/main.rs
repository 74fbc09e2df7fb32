//! A full publish beside what people write by hand: three fields, id, time, a history of 500, one handler.
//!
//! Both run in one process, so that their ratio means something on a machine whose speed wanders. With two threads the
//! figure is the time in which each of them publishes one event.

mod locked_port;

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use locked_port::LockedPort;
use ringbus::{Bus, Value, publish_event};

/// Runs `publish` `rounds` times on each of `threads` threads at once, and returns how long all of it took.
fn on_threads(threads: usize, rounds: u64, publish: impl Fn(u64) + Sync) -> Duration {
    let start = Barrier::new(threads + 1);
    let end = Barrier::new(threads + 1);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                start.wait();
                (0..rounds).for_each(&publish);
                end.wait();
            });
        }
        start.wait();
        let begun = Instant::now();
        end.wait();
        begun.elapsed()
    })
}

/// The handler's work, the same for both: a striped count, so that what is measured is the bus.
#[derive(Default)]
struct Seen([Striped; STRIPES]);

/// More than there are threads.
const STRIPES: usize = 32;

#[derive(Default)]
#[repr(align(128))]
struct Striped(AtomicU64);

impl Seen {
    fn count(&self) {
        use std::cell::Cell;
        static NEXT: AtomicU64 = AtomicU64::new(0);
        thread_local! { static MINE: Cell<u64> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed)) }
        self.0[MINE.get() as usize % STRIPES].0.fetch_add(1, Ordering::Relaxed);
    }
}

fn full_publish(criterion: &mut Criterion) {
    let bus = Bus::new();
    let seen = Arc::new(Seen::default());
    let count = Arc::clone(&seen);
    let _guard = bus.on("terminal.error").expect("a kind").subscribe(move |_| count.count());

    let port = LockedPort::new(500);
    let seen = Arc::new(Seen::default());
    let count = Arc::clone(&seen);
    port.subscribe(move |_| count.count());

    for threads in [1, 2] {
        let mut group = criterion.benchmark_group(format!("full publish, {threads} thread(s)"));
        group.throughput(Throughput::Elements(threads as u64));
        group.bench_function("ringbus", |bencher| {
            bencher.iter_custom(|rounds| {
                on_threads(threads, rounds, |n| {
                    black_box(publish_event!(bus: &bus, "terminal.error", source: "daemon", line = n, column = 7, fatal = true));
                })
            });
        });
        group.bench_function("locked port", |bencher| {
            bencher.iter_custom(|rounds| {
                on_threads(threads, rounds, |n| {
                    let fields =
                        vec![("line", Value::from(n)), ("column", Value::from(7)), ("fatal", Value::from(true))];
                    black_box(port.publish("terminal.error", "daemon", fields));
                })
            });
        });
        group.finish();
    }
}

criterion_group!(benches, full_publish);
criterion_main!(benches);
