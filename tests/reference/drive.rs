//! Driving both buses through the same operations, and comparing everything that shows.
//!
//! 1. A [`world`] is two buses with their guards, their numbered events and a log. It performs operations at the top
//!    and inside handlers by the same code, whichever buses it is over; handlers, filters, hooks, drops and answers write
//!    the log.
//! 2. Two logs are alike only if both worlds called the same handlers with the same events at the same depth in the same
//!    order, and dropped their closures at the same time. Here they are compared, and all that the buses tell of
//!    themselves after each operation.

// The path is told, because the fuzzers mount this file from elsewhere.
#[path = "drive/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};

use ringbus::{Bus, Totals};

use crate::bus::{Event, Reference};
use crate::face::{Explained, Info, Published, Report, Target, View, Warned};
use crate::operations::{End, FRESH, Operation, Options, SITES};
use world::World;

/// A ring has at least so many slots, whatever the history shows.
const RING: usize = 1024;

/// What happened, in order.
#[derive(Debug, PartialEq)]
enum Entry {
    Called {
        label: usize,
        event: Event,
    },
    Ended {
        label: usize,
        end: End,
    },
    Asked {
        label: usize,
        event: Event,
    },
    Dropped {
        label: usize,
    },
    Warned {
        which: usize,
        what: Warned,
    },
    Published(Option<Published>),
    Subscribed {
        label: usize,
        made: Result<bool, String>,
    },
    Object {
        new: bool,
        label: usize,
    },
    Did(bool),
    Count(usize),
    Read(Option<Vec<Event>>),
    /// What has come, and how many were missed. The real one may miss more of it, see [`same_entry`].
    Followed(Vec<Event>, u64),
    Since(Result<Totals, (u64, u64)>),
    Viewed(Box<View>),
    Explained(Box<Explained>),
    Told(Box<Info>),
    /// There is no such guard, bus or object, or there are no more steps.
    Nothing,
}

/// Runs both; panics at the first difference.
pub(crate) fn compare(options: &[Options; 2], operations: &[Operation]) {
    silence_planned_panics();
    let fresh = fresh_names();
    let real = World::<Bus>::new(options, fresh);
    let model = World::<Reference>::new(options, fresh);
    let kinds: Vec<_> = SITES.iter().chain(&fresh).chain(&["c", "a.c.b.a"]).copied().collect();
    same_state(&real, &model, &kinds, "nothing");
    for (at, operation) in operations.iter().enumerate() {
        let at = format!("operation {at}: {operation:?}");
        same_log(real.top(operation), model.top(operation), &at);
        same_state(&real, &model, &kinds, &at);
    }
    same_log(real.end(), model.end(), "the end");
}

/// Names that no run before has used. They live as long as the process, and stay in reach, so that nobody takes them for
/// a leak.
fn fresh_names() -> [&'static str; FRESH] {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    static ALL: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    std::array::from_fn(|n| {
        let name = &*Box::leak(format!("fresh.r{run}.{n}").into_boxed_str());
        ALL.lock().unwrap().push(name);
        name
    })
}

fn same_state(real: &World<Bus>, model: &World<Reference>, kinds: &[&str], after: &str) {
    for which in 0..2 {
        let (Some(real_bus), Some(model_bus)) = (real.bus(which), model.bus(which)) else {
            assert_eq!(real.bus(which).is_some(), model.bus(which).is_some(), "P10: bus {which} lives after {after}");
            continue;
        };
        let (real_view, model_view) = (real_bus.view(), model_bus.view());
        assert_eq!(real_view.recent, model_view.recent, "history of {which} after {after}");
        assert_eq!(real_view.stats, model_view.stats, "statistics of {which} after {after}");
        assert_eq!(real_view.kinds, model_view.kinds, "kinds of {which} after {after}");
        assert_eq!(real_view.subscriptions, model_view.subscriptions, "subscriptions of {which} after {after}");
        for kind in kinds {
            assert_eq!(real_bus.count(kind), model_bus.count(kind), "subscribers of {kind} at {which} after {after}");
        }
        let (told, known) = (Target::explain(&real_bus, "a.b"), model_bus.explain("a.b"));
        assert_eq!(told, known, "explanation of {which} after {after}");
        // Not under the locks: what differs panics.
        let (told, failures) = (real.reports[which].lock().unwrap().clone(), model_bus.lock().failures.clone());
        same_reports(&told, &failures, after);
    }
    assert_eq!(real.guards(), model.guards(), "guards after {after}");
}

/// Reports are limited by time, which the reference does not know: the first failure of each subscription is told, and
/// those that lead to quarantine; each report says how many were not told since the last one.
fn same_reports(told: &[(Report, u64)], failures: &[Report], after: &str) {
    let mut told = told.iter().peekable();
    let mut suppressed = BTreeMap::new();
    for failure in failures {
        let left = suppressed.entry(failure.id).or_insert(None);
        // The number tells apart failures with one event.
        if told.peek().is_some_and(|(report, counted)| report == failure && *counted == left.unwrap_or(0)) {
            told.next();
            *left = Some(0);
        } else {
            let left = left.as_mut().filter(|_| !failure.quarantined);
            *left.unwrap_or_else(|| panic!("P4: {failure:?} was not reported after {after}")) += 1;
        }
    }
    assert_eq!(told.next(), None, "P4: reported after {after}");
}

fn same_log(mut real: Vec<Entry>, mut model: Vec<Entry>, after: &str) {
    // Of closures that go with one table, any may go first.
    for log in [&mut real, &mut model] {
        let label = |entry: &Entry| if let Entry::Dropped { label } = entry { Some(*label) } else { None };
        for run in log.chunk_by_mut(|one, next| label(one).is_some() && label(next).is_some()) {
            run.sort_by_key(label);
        }
    }
    let same = real.iter().zip(&model).take_while(|(one, other)| same_entry(one, other)).count();
    if (real.len(), model.len()) != (same, same) {
        let before = &real[same.saturating_sub(4)..same];
        panic!("{after}\nafter {before:#?}\nringbus: {:#?}\nreference: {:#?}", real.get(same), model.get(same));
    }
}

/// A cursor may miss what a ring has overwritten. It never misses one of the newest that the smallest ring holds.
fn same_entry(real: &Entry, model: &Entry) -> bool {
    let (Entry::Followed(found, missed), Entry::Followed(all, forgotten)) = (real, model) else {
        return real == model;
    };
    let mut rest = all.iter();
    let in_order = found.iter().all(|event| rest.any(|one| one == event));
    let kept = all.len().saturating_sub(RING);
    let newest = found.is_empty() && *forgotten + all.len() as u64 == *missed || found.ends_with(&all[kept..]);
    in_order && newest && found.len() as u64 + missed == all.len() as u64 + forgotten
}

/// Handlers of this test panic by plan, thousands of times: nobody wants to read that.
pub(crate) fn silence_planned_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<crate::face::Planned>() {
                usual(info);
            }
        }));
    });
}
