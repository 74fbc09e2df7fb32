//! The account of every event, when all has ended.
//!
//! 1. Each queue: what it was offered was delivered, failed, skipped, kept back, dropped or discarded; nothing waits or runs.
//! 2. All queues together: each accepted event was offered to the audit log, and counted there under its kind. The bus counts
//!    by kind too: the kinds of the payload types, and what the bus itself tells of as other ones.
//! 3. What the program counted itself: subgroups that the reader published, samples, dead letters that a subscriber saw.
//!
//! What does not agree is named, line by line; the last line says whether everything does.

use std::collections::BTreeMap;
use std::fmt;

use ringbus::{Bus, Payload, QueueInfo, Stats, Subscription};

use crate::events::{SampleProcessed, SubgroupMeasured, ViolationAcknowledged, ViolationCreated};

/// What the program has counted itself.
#[derive(Debug)]
pub(crate) struct Counted {
    /// Subgroups that the reader published.
    pub(crate) subgroups: u64,
    /// Subgroups in the report.
    pub(crate) reported: u64,
    /// Events that the audit log saw, by kind.
    pub(crate) audited: BTreeMap<String, u64>,
    /// Dead letters that a subscriber saw.
    pub(crate) letters: u64,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Account {
    queues: Vec<(String, QueueInfo)>,
    /// As the audit log has seen them.
    audited: BTreeMap<String, u64>,
    /// As the bus has counted them; what it counts together, as the audit log has.
    by_kind: BTreeMap<String, u64>,
    accepted: u64,
    letters: u64,
    heard: u64,
    /// What does not agree.
    differences: Vec<String>,
}

// === impl Account ===

impl Account {
    /// Of a bus that has been shut down, and its subscriptions.
    pub(crate) fn new(bus: &Bus, subscriptions: &[Subscription], counted: Counted) -> Self {
        let stats = bus.stats();
        let named = subscriptions.iter().filter_map(|one| Some((one.name()?.to_owned(), one.info().queue?)));
        let mut account = Self {
            queues: named.collect(),
            by_kind: {
                let published = stats.published_by_kind.iter().filter(|(_, count)| **count > 0);
                let published = published.map(|(kind, count)| (kind.to_string(), *count));
                counted.audited.clone().into_iter().chain(published).collect()
            },
            audited: counted.audited,
            accepted: stats.totals.published,
            letters: stats.totals.dead_letters,
            heard: counted.letters,
            differences: Vec::new(),
        };
        account.check(counted.subgroups, counted.reported, &stats);
        account
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.differences.is_empty()
    }

    fn check(&mut self, subgroups: u64, reported: u64, stats: &Stats) {
        let failed: u64 = self.queues.iter().map(|(_, queue)| queue.failed).sum();
        let offered = |name: &str| self.queues.iter().find(|(of, _)| of == name).map_or(0, |(_, queue)| queue.offered);
        let of_kind = |kind: &str| self.audited.get(kind).copied().unwrap_or(0);
        let by_kind = &stats.published_by_kind;
        let mut pairs = vec![
            ("events by kind", by_kind.values().sum::<u64>() + stats.published_of_other_kinds, self.accepted),
            ("events offered to the audit log", offered("audit") + offered("audit-of-the-bus"), self.accepted),
            ("events in the audit log", self.audited.values().sum(), self.accepted),
            ("subgroups of the reader", subgroups, of_kind(SubgroupMeasured::KIND)),
            ("samples", of_kind(SampleProcessed::KIND), subgroups),
            ("subgroups in the report", reported, subgroups),
            ("violations acknowledged", of_kind(ViolationAcknowledged::KIND), of_kind(ViolationCreated::KIND)),
            ("dead letters", self.letters, failed),
            ("dead letters seen by a subscriber", self.heard, self.letters),
        ];
        pairs.extend(by_kind.iter().map(|(kind, count)| (kind.as_str(), of_kind(kind), *count)));
        pairs.retain(|(_, found, expected)| found != expected);
        let unsettled = self.queues.iter().filter(|(_, queue)| !settled(queue));
        let unsettled = unsettled.map(|(name, queue)| format!("{name}: {} offered, {queue}", queue.offered));
        let pairs = pairs.iter().map(|(what, found, expected)| format!("{what}: {found}, expected {expected}"));
        self.differences = unsettled.chain(pairs).collect();
    }
}

/// Whether everything that was offered has come to an end, each in one way.
fn settled(queue: &QueueInfo) -> bool {
    let QueueInfo { waiting, running, offered, delivered, skipped, failed, kept_back, dropped, discarded, .. } = *queue;
    waiting + running == 0 && offered == delivered + failed + skipped + kept_back + dropped + discarded
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.by_kind.iter().try_for_each(|(kind, count)| writeln!(f, "accepted {kind}: {count}"))?;
        for (name, queue) in &self.queues {
            write!(f, "{name}: {} offered = {} delivered", queue.offered, queue.delivered)?;
            let others = [
                (queue.failed, "failed"),
                (queue.skipped, "skipped"),
                (queue.kept_back, "kept back"),
                (queue.dropped, "dropped"),
                (queue.discarded, "discarded"),
            ];
            let others = others.iter().filter(|(count, _)| *count > 0);
            others.into_iter().try_for_each(|(count, what)| write!(f, " + {count} {what}"))?;
            let more = if queue.retried > 0 { format!("; {} retried", queue.retried) } else { String::new() };
            writeln!(f, "{more}")?;
        }
        self.differences.iter().try_for_each(|difference| writeln!(f, "mismatch: {difference}"))?;
        let all = if self.is_complete() { "all" } else { "NOT all" };
        let (accepted, letters, heard) = (self.accepted, self.letters, self.heard);
        writeln!(f, "{accepted} events, {letters} dead letters ({heard} seen by a subscriber): {all} accounted for")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringbus::publish_event;

    /// The account of a bus that has seen three events, as the program's own counting would have it.
    fn account(counted: Counted) -> Account {
        let bus = Bus::new();
        let audit = bus.on("**").unwrap().named("audit").queued().capacity(2).receiver().unwrap();
        let guard = bus.on("spc.**").unwrap().named("other").in_thread().subscribe(|_| ()).unwrap();
        (0..3).for_each(|_| drop(publish_event!(bus: &bus, "spc.sample.processed")));
        drop(audit);
        assert!(bus.shutdown(std::time::Duration::from_secs(60)).is_complete());
        Account::new(&bus, &[guard], counted)
    }

    fn counted(subgroups: u64, audited: &[(&str, u64)]) -> Counted {
        let audited = audited.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
        Counted { subgroups, reported: subgroups, audited, letters: 0 }
    }

    #[test]
    fn what_does_not_agree_is_named() {
        let text = account(counted(2, &[("spc.sample.processed", 1)])).to_string();
        let lines: Vec<&str> = text.lines().collect();
        let expected = [
            "accepted spc.sample.processed: 3",
            "other: 3 offered = 3 delivered",
            "mismatch: events offered to the audit log: 0, expected 3",
            "mismatch: events in the audit log: 1, expected 3",
            "mismatch: subgroups of the reader: 2, expected 0",
            "mismatch: samples: 1, expected 2",
            "mismatch: spc.sample.processed: 1, expected 3",
            "3 events, 0 dead letters (0 seen by a subscriber): NOT all accounted for",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn an_event_that_is_in_no_count_is_missed() {
        let queue = |offered, delivered, waiting| {
            let mut queue = QueueInfo::default();
            (queue.offered, queue.delivered, queue.waiting) = (offered, delivered, waiting);
            queue
        };
        assert!(settled(&queue(2, 2, 0)));
        assert!(!settled(&queue(2, 1, 0)) && !settled(&queue(2, 1, 1)) && !settled(&queue(2, 2, 1)));
    }
}
