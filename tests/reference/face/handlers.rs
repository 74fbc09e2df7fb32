//! Handlers for the real bus, and how they are subscribed with all that is wished.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::panic::panic_any;
use std::sync::Mutex;

use ringbus::{BoxError, Bus, Event, FailurePolicy, IntoSelector, Selector, Subscribe, Subscription};

use super::sites::{Impostor, Numbered, read, read_payload, time};
use super::{New, Object, Planned};
use crate::bus::{self, Asked, Handler};
use crate::operations::{End, Past, Policy, Takes, Wishes};

/// The code of a handler, which may panic when it is dropped.
struct Code {
    label: usize,
    handler: Handler,
    bad_drop: bool,
}

impl Code {
    fn call(&self, event: &bus::Event) -> Result<(), BoxError> {
        match (self.handler)(event) {
            End::Fine => Ok(()),
            End::Error => Err("planned".into()),
            End::Panic => panic_any(Planned(self.label)),
        }
    }

    fn call_fine(&self, event: &bus::Event) {
        assert!(self.call(event).is_ok());
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        if self.bad_drop {
            panic_any(Planned(self.label));
        }
    }
}

impl ringbus::Handler for Object {
    fn handle(&self, event: &Event) -> Result<(), BoxError> {
        match (self.handler)(&read(event)) {
            End::Fine => Ok(()),
            End::Error => Err("planned".into()),
            End::Panic => panic_any(Planned(self.label)),
        }
    }

    fn name(&self) -> &str {
        // Names are borrowed: one for each label, which stays in reach, so that nobody takes it for a leak.
        static NAMES: Mutex<BTreeMap<usize, &str>> = Mutex::new(BTreeMap::new());
        let mut names = NAMES.lock().unwrap();
        names.entry(self.label).or_insert_with(|| Box::leak(super::name(self.label).into_boxed_str()))
    }

    fn selector(&self) -> Selector {
        self.patterns.clone().into_selector().unwrap()
    }
}

/// The subscription with all that is wished.
fn wished<P>(
    mut request: Subscribe<P>,
    name: Option<String>,
    label: usize,
    wishes: &Wishes,
    ask: &Asked,
) -> Subscribe<P> {
    let Wishes { named: _, order, filters, limit, policy, while_panicking, past, takes: _, bad_drop: _ } = wishes;
    request = request.order(*order).while_panicking(*while_panicking);
    if let Some(name) = name {
        request = request.named(name);
    }
    for filter in filters.clone() {
        let ask = ask.clone();
        request = request.filter(move |event| ask(filter, &read(event)).unwrap_or_else(|| panic_any(Planned(label))));
    }
    request = match limit {
        Some(1) => request.once(),
        Some(limit) => request.limit(*limit),
        None => request,
    };
    request = request.failure_policy(match policy {
        Policy::Isolate => FailurePolicy::Isolate,
        Policy::Quarantine(after) => FailurePolicy::Quarantine { after: NonZeroU32::new(*after).unwrap() },
        Policy::Unwind => FailurePolicy::Unwind,
    });
    if let Some(newest) = past.and_then(|Past { newest, .. }| newest) {
        request = request.replay(newest);
    }
    if let Some(since) = past.and_then(|Past { since, .. }| since) {
        request = request.replay_since(time(since));
    }
    request
}

/// Subscribes; nothing where that is refused.
pub(super) fn subscribed(bus: &Bus, new: New) -> Option<Subscription> {
    let New { label, name, patterns, wishes, fallible, handler, ask } = new;
    let plain = wishes == Wishes { takes: wishes.takes, bad_drop: wishes.bad_drop, ..Wishes::default() };
    let code = || Code { label, handler: handler.clone(), bad_drop: wishes.bad_drop };
    Some(match wishes.takes {
        Takes::Events if plain && patterns == ["**"] => {
            let code = code();
            if fallible {
                bus.try_subscribe(move |event| code.call(&read(event)))
            } else {
                bus.subscribe(move |event| code.call_fine(&read(event)))
            }
        }
        Takes::Events => {
            let request = wished(bus.on(patterns).ok()?, name, label, &wishes, &ask);
            let code = code();
            drop((handler, ask));
            if fallible {
                request.try_subscribe(move |event| code.call(&read(event)))
            } else {
                request.subscribe(move |event| code.call_fine(&read(event)))
            }
        }
        Takes::Payloads if plain => {
            let code = code();
            if fallible {
                bus.try_subscribe_to(move |payload| code.call(&read_payload(payload))).unwrap()
            } else {
                bus.subscribe_to(move |payload| code.call_fine(&read_payload(payload))).unwrap()
            }
        }
        Takes::Payloads | Takes::Decoded => {
            let request = bus.on_payload::<Numbered>().unwrap();
            let request = if wishes.takes == Takes::Decoded { request.decode() } else { request };
            let request = wished(request, name, label, &wishes, &ask);
            let code = code();
            drop((handler, ask));
            if fallible {
                request.try_subscribe(move |payload| code.call(&read_payload(payload)))
            } else {
                request.subscribe(move |payload| code.call_fine(&read_payload(payload)))
            }
        }
        Takes::Impostors => {
            assert!(bus.on_payload::<Impostor>().is_err() && bus.try_subscribe_to(|_: &Impostor| Ok(())).is_err());
            bus.subscribe_to(|_: &Impostor| {}).ok()?
        }
    })
}
