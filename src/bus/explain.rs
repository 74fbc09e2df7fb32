//! Who would get an event of a kind, and why the others would not.

use core::fmt;
use core::panic::Location;

use super::{Bus, Inner};
use crate::dispatch::{EndedBy, Subscriber, SubscriptionId, SubscriptionInfo, SubscriptionState};
use crate::event::{Kind, KindError};

/// Who would get an event of a kind, and why the others would not; made by [`Bus::explain`]. `Display` prints it as a
/// list.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// The kind asked about.
    pub kind: String,
    /// What is wrong with it, if no event can be of this kind.
    pub invalid: Option<KindError>,
    /// Whether the bus accepts events.
    pub enabled: bool,
    /// Whether it has been shut down: it refuses them then.
    pub shut_down: bool,
    /// Every subscription, in the order in which they are called.
    pub subscriptions: Vec<Explained>,
    /// The last subscriptions that have ended and would have matched, oldest first.
    pub gone: Vec<Gone>,
}

/// One subscription, seen from an event's kind.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explained {
    /// What it would do.
    pub verdict: Verdict,
    /// The subscription.
    pub info: SubscriptionInfo,
}

/// What a subscription would do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// Its handler is called, or its queue given the event, if its filter says yes, its throttle and its circuit let it
    /// through, and, for a handler of payloads without `decode`, the event holds one.
    Called,
    /// The event waits until it has been told of the past.
    Waits,
    /// It matches, and is muted.
    Muted,
    /// It matches, and is in quarantine.
    Quarantined,
    /// It matches, and is just ending.
    Ending,
    /// Its patterns do not match.
    Unmatched,
}

/// A subscription that has ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Gone {
    /// Its number.
    pub id: SubscriptionId,
    /// Its name, if it was given one.
    pub name: Option<String>,
    /// The patterns that it selected by.
    pub selector: String,
    /// Where in the source it was made.
    pub place: &'static Location<'static>,
    /// How it ended.
    pub by: EndedBy,
}

impl Bus {
    /// Who would get an event of this kind now, and why the others would not: each subscription with its verdict, and
    /// the last 32 that have ended, where they would have matched. Publishes nothing.
    ///
    /// ```
    /// let bus = ringbus::Bus::new();
    /// let _all = bus.on("**.error")?.named("alerts").subscribe(|_| {});
    /// let _ = bus.on("db.error")?.named("forgotten").subscribe(|_| {});
    /// let explanation = bus.explain("db.error");
    /// assert_eq!(explanation.subscriptions.len(), 1);
    /// assert_eq!(explanation.gone[0].by, ringbus::EndedBy::DroppingAtOnce);
    /// println!("{explanation}");
    /// # Ok::<(), ringbus::PatternError>(())
    /// ```
    #[must_use]
    pub fn explain(&self, kind: impl AsRef<str>) -> Explanation {
        self.inner.explain(kind.as_ref())
    }
}

impl Inner {
    fn explain(&self, kind: &str) -> Explanation {
        let mut subscribers = self.registry.subscribers();
        subscribers.sort_by_key(|one| (core::cmp::Reverse(one.order), one.id));
        let explained = |one: &Subscriber| {
            let verdict = match one.state() {
                _ if !one.selector.matches(kind) => Verdict::Unmatched,
                SubscriptionState::Muted => Verdict::Muted,
                SubscriptionState::Quarantined => Verdict::Quarantined,
                SubscriptionState::Replaying => Verdict::Waits,
                SubscriptionState::Ended => Verdict::Ending,
                SubscriptionState::Active => Verdict::Called,
            };
            Explained { verdict, info: one.info() }
        };
        let ended = self.registry.ended().into_iter().filter(|ended| ended.selector.matches(kind));
        Explanation {
            kind: kind.to_owned(),
            invalid: Kind::new(kind).err(),
            enabled: self.gate.is_enabled(),
            shut_down: self.mode.is_shut(),
            subscriptions: subscribers.iter().map(|one| explained(one)).collect(),
            gone: ended
                .map(|one| Gone {
                    id: one.id,
                    name: one.name,
                    selector: one.selector.to_string(),
                    place: one.place,
                    by: one.by,
                })
                .collect(),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Called => "called",
            Self::Waits => "waits",
            Self::Muted => "muted",
            Self::Quarantined => "quarantined",
            Self::Ending => "ending",
            Self::Unmatched => "no match",
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(error) = &self.invalid {
            return writeln!(f, ": no event can be of this kind: {error}");
        }
        let called = self.subscriptions.iter().filter(|one| one.verdict == Verdict::Called).count();
        writeln!(f, ": {called} of {} subscriptions would be called", self.subscriptions.len())?;
        if self.shut_down {
            writeln!(f, "  the bus has been shut down: nobody is called")?;
        } else if !self.enabled {
            writeln!(f, "  the bus is disabled: nobody is called")?;
        }
        for Explained { verdict, info } in &self.subscriptions {
            let name = info.name.as_deref().unwrap_or("(unnamed)");
            writeln!(f, "  {verdict:<12} {} {name} on {}", info.id, info.selector)?;
            writeln!(f, "  {:<12} at {}", "", info.place)?;
        }
        for gone in &self.gone {
            let name = gone.name.as_deref().unwrap_or("(unnamed)");
            writeln!(f, "  {:<12} {} {name} on {}: {}", "gone", gone.id, gone.selector, gone.by)?;
            writeln!(f, "  {:<12} at {}", "", gone.place)?;
        }
        Ok(())
    }
}
