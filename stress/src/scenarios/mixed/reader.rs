//! Threads that read the history in all ways while others publish: events are whole, each publisher's in order, and what
//! was published before is found.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ringbus::{Bus, Cursor, Event};

use super::play::Play;
use crate::checksum::{self, mix};

/// What a reader hands back.
#[derive(Default)]
pub struct Found {
    pub checks: u64,
    /// Events that its cursor has read, and missed.
    pub read: u64,
    pub missed: u64,
}

/// Reads until `ended`, once more after that.
pub fn run(play: &Play, bus: &Bus, mut cursor: Cursor, seed: u64, ended: &AtomicBool) -> Found {
    let mut found = Found::default();
    let mut last = BTreeMap::new();
    let mut random = seed;
    loop {
        let is_last = ended.load(Ordering::Acquire) || play.is_faulty();
        follow(play, &mut cursor, &mut last, &mut found);
        if is_last {
            return found;
        }
        random = mix(random);
        match random % 6 {
            0 => newest_first(play, &bus.recent((random >> 8) as usize % 600), &mut found),
            1 => newest_first(play, &bus.try_recent(50).unwrap_or_default(), &mut found),
            2 => {
                let matching = bus.history().matching("stress.*");
                let events = play.heed(matching.map_err(|error| error.to_string())).map(|query| query.take(40));
                newest_first(play, &events.unwrap_or_default(), &mut found);
            }
            3 => newest_first(play, &bus.history().source("stress").take(30), &mut found),
            4 => look(play, bus, &mut found),
            _ => drop((bus.subscriptions(), bus.explain("stress.dyn.0").to_string())),
        }
        // Without a pause readers would take most of the processors' time.
        std::thread::sleep(Duration::from_micros(random >> 8 & 2047));
    }
}

/// P3: each publisher's numbers fall.
fn newest_first(play: &Play, events: &[Event], found: &mut Found) {
    let mut newer = BTreeMap::new();
    for event in events {
        let Some(stamp) = play.heed(checksum::read(event)) else { continue };
        if let Some(newer) = newer.insert(stamp.thread, stamp.number).filter(|newer| *newer <= stamp.number) {
            play.fault(format!("P3: in the history event {newer} of a thread is newer than {stamp:?}"));
        }
        found.checks += 2;
    }
}

/// P3, P8: a cursor finds each publisher's events in order, none twice.
fn follow(play: &Play, cursor: &mut Cursor, last: &mut BTreeMap<u64, u64>, found: &mut Found) {
    let batch = cursor.read();
    found.missed += batch.missed;
    found.read += batch.events.len() as u64;
    for event in &batch.events {
        let Some(stamp) = play.heed(checksum::read(event)) else { continue };
        if let Some(before) = last.insert(stamp.thread, stamp.number).filter(|before| *before >= stamp.number) {
            play.fault(format!("P3: a cursor found {stamp:?} after that thread's event {before}"));
        }
        found.checks += 2;
    }
}

/// P8: statistics read meanwhile are possible ones; single counts may be an event of each thread apart.
fn look(play: &Play, bus: &Bus, found: &mut Found) {
    let stats = bus.stats();
    let totals = &stats.totals;
    let drawn = play.progress();
    let possible = stats.buffer_len <= stats.buffer_capacity
        && stats.by_kind.values().sum::<u64>() == stats.buffer_len as u64
        && totals.panicked <= totals.failed + play.publishers as u64
        && totals.published <= drawn;
    if !possible {
        play.fault(format!("P8: impossible counts, with {drawn} drawn\n{stats}"));
    }
    found.checks += 4;
}
