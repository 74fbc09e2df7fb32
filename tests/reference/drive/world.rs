//! Two buses with their guards, their numbered events and a log; and how each operation is performed on them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::{Arc, Mutex, Weak};

use ringbus::Stats;

use super::Entry;
use crate::bus::{Asked, Handler};
use crate::face::{Draft, Info, New, Object, Planned, Subscribed, Target, WarningHook, name};
use crate::operations::{
    BagEnd, End, FRESH, Filter, Operation, Options, Pattern, Query, Request, SITES, Told, Whom, Wishes,
};

/// What handlers may do in all during one operation of the top, besides ending.
const STEPS: usize = 40;

/// Most subscriptions of a run, but for those of a crowd.
const SUBSCRIPTIONS: usize = 40;

/// The label of a crowd's.
const CROWD: usize = usize::MAX;

type Log = Arc<Mutex<Vec<Entry>>>;

pub(super) struct World<T: Target> {
    buses: [T::Weak; 2],
    /// What failure hooks were told.
    pub(super) reports: [T::Reports; 2],
    /// Names that nobody has used before this run.
    fresh: [&'static str; FRESH],
    log: Log,
    play: Mutex<Play<T>>,
}

struct Play<T: Target> {
    /// What keeps the buses alive.
    buses: [Option<T>; 2],
    /// By label, in the order of subscribing: the bus that it is on, and its id there.
    ids: Vec<Option<(usize, T::Id)>>,
    guards: BTreeMap<usize, T::Guard>,
    objects: BTreeMap<usize, Arc<Object>>,
    numbers: u64,
    steps: usize,
    cursors: [Option<T::Cursor>; 2],
    marks: [Stats; 2],
}

/// Goes with a handler's code.
struct Token(usize, Log);

impl Drop for Token {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(Entry::Dropped { label: self.0 });
    }
}

// === impl World ===

impl<T: Target> World<T> {
    pub(super) fn new(options: &[Options; 2], fresh: [&'static str; FRESH]) -> Arc<Self> {
        let log = Log::default();
        let made = [0, 1].map(|which| {
            let log = log.clone();
            let warn: WarningHook = Arc::new(move |what| log.lock().unwrap().push(Entry::Warned { which, what }));
            T::new(&options[which], warn)
        });
        let [(first, first_reports), (second, second_reports)] = made;
        let play = Play {
            ids: Vec::new(),
            guards: BTreeMap::new(),
            objects: BTreeMap::new(),
            numbers: 0,
            steps: 0,
            cursors: [Some(first.cursor()), Some(second.cursor())],
            marks: [first.stats(), second.stats()],
            buses: [Some(first.clone()), Some(second.clone())],
        };
        let buses = [first.downgrade(), second.downgrade()];
        Arc::new(Self { buses, reports: [first_reports, second_reports], fresh, log, play: Mutex::new(play) })
    }

    /// The bus, if somebody keeps it.
    pub(super) fn bus(&self, which: usize) -> Option<T> {
        T::upgrade(&self.buses[which])
    }

    /// Performs an operation outside every handler; what it wrote into the log.
    pub(super) fn top(self: &Arc<Self>, operation: &Operation) -> Vec<Entry> {
        self.play(|play| play.steps = STEPS);
        self.perform(0, operation, None);
        assert!(T::current().is_none() && T::default_bus().is_none(), "no handler runs");
        std::mem::take(&mut self.log.lock().unwrap())
    }

    /// Performs an operation on a bus; `this` is the label of the handler that does.
    fn perform(self: &Arc<Self>, which: usize, operation: &Operation, this: Option<usize>) {
        match operation {
            Operation::Several(all) => return all.iter().for_each(|one| self.perform(which, one, this)),
            Operation::Other(inner) => return self.perform(1 - which, inner, this),
            Operation::Panicking(inner) => return unwinding(|| self.perform(which, inner, this)),
            Operation::Elsewhere(inner) if this.is_none() || inner.only_publishes() => {
                let call = T::carried(|| self.perform(which, inner, this));
                return std::thread::scope(|scope| {
                    scope.spawn(call).join().unwrap_or_else(|panic| resume_unwind(panic))
                });
            }
            Operation::Elsewhere(inner) => return self.perform(which, inner, this),
            Operation::DropSecond => {
                let (bus, cursor) = self.play(|play| (play.buses[1].take(), play.cursors[1].take()));
                let entry = Entry::Did(bus.is_some());
                drop((bus, cursor));
                return self.log(entry);
            }
            _ => {}
        }
        let Some(bus) = self.bus(which) else { return self.log(Entry::Nothing) };
        if let Operation::WithDefault(inner) = operation {
            return bus.with_default(|| self.perform(which, inner, this));
        }
        match operation {
            Operation::Subscribe(request) => self.subscribe(which, &bus, request),
            Operation::SubscribeObject(number, request) => self.subscribe_object(which, &bus, *number, request),
            Operation::Publish(told) => self.publish(&bus, &self.draft(told)),
            Operation::PublishDefault(told) => match T::default_bus() {
                Some(bus) => {
                    let (source, number) = self.number();
                    self.log(Entry::Published(Some(bus.publish_default(&self.draft(told), source, number))));
                }
                None => self.log(Entry::Nothing),
            },
            Operation::Burst(site, count) => {
                let count = if this.is_some() { 1 } else { *count };
                (0..count).for_each(|_| self.publish(&bus, &Draft::Site(*site)));
            }
            Operation::Republish(back) => self.log(Entry::Published(bus.republish(*back, &bus))),
            Operation::Forward(back) => match self.bus(1 - which) {
                Some(other) => self.log(Entry::Published(bus.republish(*back, &other))),
                None => self.log(Entry::Nothing),
            },
            Operation::Crowd(count) => (0..*count).for_each(|_| self.come_and_go(&bus)),
            _ => {
                let entry = self.change(&bus, operation, this).or_else(|| self.look(which, &bus, operation, this));
                self.log(entry.unwrap_or(Entry::Nothing));
            }
        }
    }

    /// What changes who listens.
    fn change(&self, bus: &T, operation: &Operation, this: Option<usize>) -> Option<Entry> {
        let did = |did: Option<bool>| Some(did.map_or(Entry::Nothing, Entry::Did));
        // Ids are of the bus that the subscription is on, maybe not of this one.
        let id = |whom| {
            let (on, id) = self.play(|play| play.label(whom, this).and_then(|label| play.ids[label]))?;
            Some((self.bus(on)?, id))
        };
        did(match operation {
            Operation::UnsubscribeObject(number) => {
                let object = self.play(|play| play.objects.get(number).cloned());
                object.map(|object| bus.unsubscribe_object(&object))
            }
            Operation::ForgetObject(number) => {
                let object = self.play(|play| play.objects.remove(number));
                Some(object.map(drop).is_some())
            }
            Operation::Drop(whom) => self.take(*whom, this).map(drop).map(|()| true),
            Operation::Leave(whom) => self.take(*whom, this).map(|(_, guard)| T::leave(guard)).map(|()| true),
            Operation::Detach(whom) => self.take(*whom, this).map(|(_, guard)| T::detach(guard)).map(|()| true),
            Operation::Unsubscribe(whom) => id(*whom).map(|(bus, id)| bus.unsubscribe(id)),
            Operation::UnsubscribeAll => return Some(Entry::Count(bus.unsubscribe_all())),
            Operation::Close(whom) => self.borrow(*whom, this, T::close),
            Operation::Bag(bag, end) => self.bag(bag, *end, this),
            Operation::Mute(whom, muted, by) if by.is_guard() => {
                self.borrow(*whom, this, |guard| T::mute_by(guard, *muted))
            }
            Operation::Mute(whom, muted, _) => id(*whom).map(|(bus, id)| bus.mute(id, *muted)),
            Operation::Resume(whom, by) if by.is_guard() => self.borrow(*whom, this, T::resume_by),
            Operation::Resume(whom, _) => id(*whom).map(|(bus, id)| bus.resume(id)),
            Operation::Enable(enabled) => {
                bus.enable(*enabled);
                Some(true)
            }
            Operation::Reset => {
                bus.reset();
                Some(true)
            }
            _ => return None,
        })
    }

    /// What only looks.
    fn look(&self, which: usize, bus: &T, operation: &Operation, this: Option<usize>) -> Option<Entry> {
        Some(match operation {
            Operation::Recent(limit) => Entry::Read(Some(bus.recent(*limit))),
            Operation::Query(Query { patterns, thirds, since, until, limit }) => {
                let source = thirds.then_some("thirds");
                Entry::Read(bus.query(&self.patterns(patterns), source, [*since, *until], *limit))
            }
            Operation::Follow | Operation::Skip => {
                // Inside a handler somebody may be at it.
                let mut cursor = self.play(|play| play.cursors[which].take())?;
                let entry = if matches!(operation, Operation::Skip) {
                    bus.skip(&mut cursor);
                    Entry::Did(true)
                } else {
                    let (events, missed) = bus.follow(&mut cursor);
                    Entry::Followed(events, missed)
                };
                self.play(|play| play.cursors[which] = Some(cursor));
                entry
            }
            Operation::Since => {
                let now = bus.stats();
                let before = self.play(|play| std::mem::replace(&mut play.marks[which], now.clone()));
                Entry::Since(T::since(&now, &before))
            }
            Operation::View => Entry::Viewed(Box::new(bus.view())),
            Operation::Explain(told) => match self.draft(told) {
                Draft::Text(kind) => Entry::Explained(Box::new(bus.explain(&kind))),
                Draft::Site(site) => Entry::Explained(Box::new(bus.explain(SITES[site]))),
                _ => Entry::Explained(Box::new(bus.explain(self.fresh[0]))),
            },
            Operation::Info(whom) => Entry::Told(Box::new(self.borrow(*whom, this, T::info)?)),
            _ => unreachable!("{operation:?}"),
        })
    }

    // === publishing ===

    fn publish(&self, bus: &T, draft: &Draft) {
        let (source, number) = self.number();
        let answer = bus.publish(draft, source, number);
        self.log(Entry::Published(Some(answer)));
    }

    /// The next event's number, and its source.
    fn number(&self) -> (Option<&'static str>, u64) {
        let number = self.play(|play| {
            play.numbers += 1;
            play.numbers
        });
        ((number % 3 == 0).then_some("thirds"), number)
    }

    fn draft(&self, told: &Told) -> Draft {
        match told {
            Told::Site(site) => Draft::Site(*site),
            Told::Text(text) => Draft::Text(text.clone()),
            Told::Fresh(number) => Draft::Text(self.fresh[*number].to_owned()),
            Told::Interned(number) => Draft::Interned(self.fresh[*number]),
            Told::Payload(way) => Draft::Payload(*way),
            Told::Impostor => Draft::Impostor,
            Told::Odd => Draft::Odd,
            Told::Built(kind, own) => Draft::Built(*kind, *own),
        }
    }

    // === subscribing ===

    fn subscribe(self: &Arc<Self>, which: usize, bus: &T, request: &Request) {
        let Some(label) = self.label() else { return };
        let (handler, ask) = self.handler(label, request);
        let made = bus.subscribe(New {
            label,
            name: request.wishes.named.then(|| name(label)),
            patterns: self.patterns(&request.patterns),
            wishes: request.wishes.clone(),
            fallible: request.end == End::Error,
            handler,
            ask,
        });
        let made = match made {
            Subscribed::Refused => Ok(false),
            Subscribed::Unwound(unwound) => Err(unwound),
            Subscribed::Made(id, guard) => {
                self.play(|play| {
                    play.ids[label] = Some((which, id));
                    play.guards.insert(label, guard);
                });
                Ok(true)
            }
        };
        self.log(Entry::Subscribed { label, made });
    }

    fn subscribe_object(self: &Arc<Self>, which: usize, bus: &T, number: usize, request: &Request) {
        let known = self.play(|play| play.objects.get(&number).cloned()).or_else(|| {
            let label = self.label()?;
            let (handler, ask) = self.handler(label, request);
            let mut patterns = self.patterns(&request.patterns);
            patterns.retain(|text| crate::bus::is_good(text, true));
            patterns.push("b.**".to_owned());
            Some(Arc::new(Object { label, patterns, handler, ask }))
        });
        let Some(object) = known else { return };
        let (label, (new, id)) = (object.label, bus.subscribe_object(&object));
        let before = self.play(|play| {
            if new {
                play.ids[label] = Some((which, id));
            }
            play.objects.insert(number, object)
        });
        drop(before);
        self.log(Entry::Object { new, label });
    }

    fn come_and_go(self: &Arc<Self>, bus: &T) {
        let (handler, ask): (Handler, Asked) = (Arc::new(|_| End::Fine), Arc::new(|_, _| None));
        let (patterns, wishes) = (vec!["**".to_owned()], Wishes::default());
        let new = New { label: CROWD, name: None, patterns, wishes, fallible: false, handler, ask };
        match bus.subscribe(new) {
            Subscribed::Made(_, guard) => drop(guard),
            _ => unreachable!("nothing is wrong with it"),
        }
    }

    /// A new label; nothing where there are too many.
    fn label(&self) -> Option<usize> {
        let label = self.play(|play| {
            let label = play.ids.len();
            (label < SUBSCRIPTIONS).then(|| play.ids.push(None)).map(|()| label)
        });
        if label.is_none() {
            self.log(Entry::Nothing);
        }
        label
    }

    /// What the handler of that label does, and its filters.
    fn handler(self: &Arc<Self>, label: usize, request: &Request) -> (Handler, Asked) {
        let (world, action, end) = (Arc::downgrade(self), request.action.clone(), request.end);
        let token = Arc::new(Token(label, self.log.clone()));
        let (log, filters_token) = (self.log.clone(), token.clone());
        let handler: Handler = Arc::new(move |event| {
            let _held = &token;
            let world: Arc<Self> = Weak::upgrade(&world).expect("the world outlives its events");
            world.log(Entry::Called { label, event: event.clone() });
            let current = T::current().expect("a handler runs on a bus");
            let is_it = |which: &usize| world.bus(*which).is_some_and(|bus| bus.same(&current));
            let which = (0..2).find(is_it).expect("it is one of ours");
            drop(current);
            if let Some(action) = &action {
                if world.play(|play| play.take_step()) {
                    world.perform(which, action, Some(label));
                }
            }
            world.log(Entry::Ended { label, end });
            end
        });
        let ask: Asked = Arc::new(move |filter, event| {
            let _held = &filters_token;
            log.lock().unwrap().push(Entry::Asked { label, event: event.clone() });
            match filter {
                Filter::Thirds => Some(event.source.is_some()),
                Filter::Odd => (event.number % 4 != 0).then_some(event.number % 2 == 1),
            }
        });
        (handler, ask)
    }

    fn patterns(&self, patterns: &[Pattern]) -> Vec<String> {
        let text = |pattern: &Pattern| match pattern {
            Pattern::Text(text) => text.clone(),
            Pattern::Fresh(number) => self.fresh[*number].to_owned(),
        };
        patterns.iter().map(text).collect()
    }

    // === guards ===

    fn take(&self, whom: Whom, this: Option<usize>) -> Option<(usize, T::Guard)> {
        self.play(|play| play.label(whom, this).and_then(|label| Some((label, play.guards.remove(&label)?))))
    }

    fn borrow<R>(&self, whom: Whom, this: Option<usize>, call: impl FnOnce(&T::Guard) -> R) -> Option<R> {
        let (label, guard) = self.take(whom, this)?;
        let result = call(&guard);
        self.play(|play| play.guards.insert(label, guard));
        Some(result)
    }

    /// Puts guards into a bag, and those that are left back.
    fn bag(&self, bag: &[Whom], end: BagEnd, this: Option<usize>) -> Option<bool> {
        let (labels, guards): (Vec<_>, Vec<_>) = bag.iter().filter_map(|whom| self.take(*whom, this)).unzip();
        let (answer, left) = T::bag(guards, end);
        self.play(|play| play.guards.extend(labels.into_iter().zip(left)));
        answer
    }

    /// How all guards stand.
    pub(super) fn guards(&self) -> Vec<(usize, bool, Info)> {
        self.play(|play| play.guards.iter().map(|(label, one)| (*label, T::is_active(one), T::info(one))).collect())
    }

    /// Drops the buses before the guards: all closures go, each once, and the guards do no harm.
    pub(super) fn end(self: Arc<Self>) -> Vec<Entry> {
        let play = self.play(|play| {
            let nothing = Play {
                buses: [None, None],
                ids: Vec::new(),
                guards: BTreeMap::new(),
                objects: BTreeMap::new(),
                numbers: 0,
                steps: 0,
                cursors: [None, None],
                marks: Default::default(),
            };
            std::mem::replace(play, nothing)
        });
        let Play { buses, guards, cursors, objects, .. } = play;
        drop((buses, cursors));
        assert!((0..2).all(|which| self.bus(which).is_none()), "P10: somebody keeps a bus alive");
        for guard in guards.values() {
            assert!(!T::is_active(guard) && T::close(guard));
        }
        drop((guards, objects));
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn log(&self, entry: Entry) {
        self.log.lock().unwrap().push(entry);
    }

    /// Nothing of the bus may be done, or dropped, inside.
    fn play<R>(&self, play: impl FnOnce(&mut Play<T>) -> R) -> R {
        play(&mut self.play.lock().unwrap())
    }
}

// === impl Play ===

impl<T: Target> Play<T> {
    fn label(&self, whom: Whom, this: Option<usize>) -> Option<usize> {
        match whom {
            Whom::This => this,
            Whom::Number(number) => number.checked_rem(self.ids.len()),
        }
    }

    fn take_step(&mut self) -> bool {
        let left = self.steps.checked_sub(1);
        self.steps = left.unwrap_or(0);
        left.is_some()
    }
}

/// Calls from a destructor, while this thread unwinds. What the call itself panics with goes on afterwards.
fn unwinding(call: impl FnOnce()) {
    struct AtDrop<F: FnOnce()>(Option<F>);
    impl<F: FnOnce()> Drop for AtDrop<F> {
        fn drop(&mut self) {
            assert!(std::thread::panicking());
            self.0.take().into_iter().for_each(|call| call());
        }
    }
    let mut result = Ok(());
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _at_drop = AtDrop(Some(|| result = catch_unwind(AssertUnwindSafe(call))));
        panic_any(Planned(0));
    }));
    assert!(unwound.is_err());
    result.unwrap_or_else(|panic| resume_unwind(panic));
}
