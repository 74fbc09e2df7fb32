//! Driving both buses through the same operations, and comparing everything that shows.
//!
//! A [`World`] is a bus with its guards, its numbered events and its log. It performs operations at the top and inside
//! handlers by the same code, whichever bus it is over; handlers and answers write the log, so that two logs are alike
//! only if both buses called the same handlers with the same events at the same depth in the same order.

use std::collections::BTreeMap;
use std::panic;
use std::sync::{Arc, Mutex, Once, Weak};

use crate::bus::{Event, Handler, Reference};
use crate::face::{Answer, Kinded, Object, Planned, Target};
use crate::operations::{End, FRESH, Operation, Options, Pattern, Request, SITES, Told, Whom};

/// What handlers may do in all during one operation of the top, besides ending.
const STEPS: usize = 40;

/// Most subscriptions of a run.
const SUBSCRIPTIONS: usize = 40;

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
    Published(Option<Answer>),
    Subscribed {
        label: usize,
        good: bool,
    },
    Object {
        new: bool,
        label: usize,
    },
    Did(bool),
    Read(Option<Vec<Event>>),
    Followed(u64),
    /// No guard, or no more steps.
    Nothing,
}

type WeakHandler = Weak<dyn Fn(&Event) -> End + Send + Sync>;

struct World<T: Target> {
    bus: T,
    /// Names that nobody has used before this run.
    fresh: [&'static str; FRESH],
    play: Mutex<Play<T>>,
}

struct Play<T: Target> {
    /// By label: what handlers go by, in the order of subscribing.
    ids: Vec<Option<T::Id>>,
    guards: BTreeMap<usize, T::Guard>,
    handlers: Vec<WeakHandler>,
    objects: BTreeMap<usize, (usize, Arc<Object>)>,
    numbers: u64,
    steps: usize,
    cursor: Option<ringbus::Cursor>,
    log: Vec<Entry>,
}

/// Runs both; panics at the first difference.
pub(crate) fn compare(options: &Options, operations: &[Operation]) {
    silence_planned_panics();
    let fresh = fresh_names();
    let real = World::<ringbus::Bus>::new(options, fresh);
    let model = World::<Reference>::new(options, fresh);
    let same_view = |after: &str| {
        let (real_view, model_view) = (real.bus.view(), model.bus.view());
        assert_eq!(real_view.recent, model_view.recent, "history after {after}");
        assert_eq!(real_view.stats, model_view.stats, "statistics after {after}");
        assert_eq!(real_view.kinds, model_view.kinds, "kinds after {after}");
        assert_eq!(real_view.subscriptions, model_view.subscriptions, "subscriptions after {after}");
        for kind in SITES.iter().chain(&fresh).chain(&["c", "a.c.b.a"]) {
            assert_eq!(real.bus.count(kind), model.bus.count(kind), "subscribers of {kind} after {after}");
        }
        assert_eq!(real.active(), model.active(), "active guards after {after}");
        let leaked = real.alive().find(|label| !model.needs(*label));
        assert_eq!(leaked, None, "P9: nobody can call it, and the closure is still there after {after}");
    };
    same_view("nothing");
    for (at, operation) in operations.iter().enumerate() {
        let at = format!("operation {at}: {operation:?}");
        same_log(real.top(operation), model.top(operation), &at);
        same_view(&at);
    }
    real.end();
    model.end();
}

/// Names that no run before has used. They live as long as the process, and stay known, so that they are no leak.
fn fresh_names() -> [&'static str; FRESH] {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut names = NAMES.lock().unwrap();
    let run = names.len() / FRESH;
    let fresh = std::array::from_fn(|n| &*Box::leak(format!("fresh.r{run}.{n}").into_boxed_str()));
    names.extend(fresh);
    fresh
}

/// Handlers of these tests panic by plan, thousands of times: nobody wants to read that.
pub(crate) fn silence_planned_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<Planned>() {
                usual(info);
            }
        }));
    });
}

fn same_log(real: Vec<Entry>, model: Vec<Entry>, after: &str) {
    if real == model {
        return;
    }
    let at = real.iter().zip(&model).take_while(|(one, other)| one == other).count();
    let before = &real[at.saturating_sub(4)..at];
    panic!("{after}\nafter {before:#?}\nringbus: {:#?}\nreference: {:#?}", real.get(at), model.get(at));
}

// === impl World ===

impl<T: Target> World<T> {
    fn new(options: &Options, fresh: [&'static str; FRESH]) -> Arc<Self> {
        let bus = T::new(options);
        let play = Play {
            ids: Vec::new(),
            guards: BTreeMap::new(),
            handlers: Vec::new(),
            objects: BTreeMap::new(),
            numbers: 0,
            steps: 0,
            cursor: bus.follower(),
            log: Vec::new(),
        };
        Arc::new(Self { bus, fresh, play: Mutex::new(play) })
    }

    /// Performs an operation outside every handler; what it wrote into the log.
    fn top(self: &Arc<Self>, operation: &Operation) -> Vec<Entry> {
        self.play(|play| play.steps = STEPS);
        match operation {
            Operation::PublishElsewhere(told) => std::thread::scope(|scope| {
                scope.spawn(|| self.publish(&self.bus, &self.kind(told)));
            }),
            Operation::Burst(site, count) => {
                for _ in 0..*count {
                    self.publish(&self.bus, &Kinded::Site(*site));
                }
            }
            _ => self.perform(&self.bus, operation, 0),
        }
        if let Operation::Close(whom) = operation {
            let closed = self.play(|play| {
                let label = play.label(*whom, 0)?;
                play.guards.contains_key(&label).then(|| play.handlers[label].strong_count())
            });
            assert!(closed.is_none_or(|holders| holders == 0), "closed, and the closure is still there");
        }
        self.play(|play| std::mem::take(&mut play.log))
    }

    /// Performs an operation; `this` is the label of the handler that does.
    fn perform(self: &Arc<Self>, bus: &T, operation: &Operation, this: usize) {
        let id = |whom: &Whom| self.play(|play| play.label(*whom, this).and_then(|label| play.ids[label]));
        let guard = |whom: &Whom| {
            self.play(|play| play.label(*whom, this).and_then(|label| Some((label, play.guards.remove(&label)?))))
        };
        let entry = match operation {
            Operation::Subscribe(request) => return self.subscribe(bus, request),
            Operation::SubscribeObject(number, request) => return self.subscribe_object(bus, *number, request),
            Operation::Publish(told) | Operation::PublishElsewhere(told) => {
                return self.publish(bus, &self.kind(told));
            }
            Operation::Burst(site, _) => return self.publish(bus, &Kinded::Site(*site)),
            Operation::UnsubscribeObject(number) => {
                match self.play(|play| play.objects.get(number).map(|(_, object)| object.clone())) {
                    Some(object) => Entry::Did(bus.unsubscribe_object(&object)),
                    None => Entry::Nothing,
                }
            }
            Operation::Republish(back) => Entry::Published(bus.republish(*back)),
            Operation::Drop(whom) => Entry::Did(guard(whom).map(drop).is_some()),
            Operation::Unsubscribe(whom) => id(whom).map_or(Entry::Nothing, |id| Entry::Did(bus.unsubscribe(id))),
            Operation::Close(whom) => match guard(whom) {
                Some((label, guard)) => {
                    let waited = T::close(&guard);
                    self.play(|play| play.guards.insert(label, guard));
                    Entry::Did(waited)
                }
                None => Entry::Nothing,
            },
            Operation::Detach(whom) => Entry::Did(guard(whom).map(|(_, guard)| T::detach(guard)).is_some()),
            Operation::Mute(whom, muted) => id(whom).map_or(Entry::Nothing, |id| Entry::Did(bus.mute(id, *muted))),
            Operation::Resume(whom) => id(whom).map_or(Entry::Nothing, |id| Entry::Did(bus.resume(id))),
            Operation::Follow => {
                let mut cursor = self.play(|play| play.cursor.take());
                let count = bus.follow(&mut cursor);
                self.play(|play| play.cursor = cursor);
                Entry::Followed(count)
            }
            Operation::Enable(enabled) => {
                bus.enable(*enabled);
                Entry::Did(true)
            }
            Operation::Reset => {
                bus.reset();
                Entry::Did(true)
            }
            Operation::Recent(limit) => Entry::Read(Some(bus.recent(*limit))),
            Operation::Query(patterns, source, limit) => {
                Entry::Read(bus.query(&self.patterns(patterns), source.then_some("thirds"), *limit))
            }
        };
        self.log(entry);
    }

    fn publish(&self, bus: &T, kind: &Kinded) {
        let number = self.play(|play| {
            play.numbers += 1;
            play.numbers
        });
        let answer = bus.publish(kind, (number % 3 == 0).then_some("thirds"), number);
        self.log(Entry::Published(Some(answer)));
    }

    fn subscribe(self: &Arc<Self>, bus: &T, request: &Request) {
        let Some((label, handler)) = self.handler(request) else { return };
        let made = bus.subscribe(&self.patterns(&request.patterns), &request.wishes, handler);
        let good = made.is_some();
        self.play(|play| {
            if let Some((id, guard)) = made {
                play.ids[label] = Some(id);
                play.guards.insert(label, guard);
            }
        });
        self.log(Entry::Subscribed { label, good });
    }

    fn subscribe_object(self: &Arc<Self>, bus: &T, number: usize, request: &Request) {
        let known = self.play(|play| play.objects.get(&number).cloned());
        let known = known.or_else(|| {
            let (label, handler) = self.handler(request)?;
            let mut patterns = self.patterns(&request.patterns);
            patterns.retain(|text| crate::bus::is_good(text, true));
            patterns.push("b.**".to_owned());
            Some((label, Arc::new(Object { number, patterns, handler })))
        });
        let Some((label, object)) = known else { return };
        let (new, id) = bus.subscribe_object(&object);
        self.play(|play| {
            if new {
                play.ids[label] = Some(id);
            }
            play.objects.insert(number, (label, object));
        });
        self.log(Entry::Object { new, label });
    }

    /// A new label, and the handler for it; nothing where there are too many.
    fn handler(self: &Arc<Self>, request: &Request) -> Option<(usize, Handler)> {
        let label = self.play(|play| {
            let label = play.ids.len();
            (label < SUBSCRIPTIONS).then(|| play.ids.push(None)).map(|()| label)
        });
        let Some(label) = label else {
            self.log(Entry::Nothing);
            return None;
        };
        let (world, action, end) = (Arc::downgrade(self), request.action.clone(), request.end);
        let handler: Handler = Arc::new(move |event| {
            let world = world.upgrade().expect("the world outlives its events");
            world.log(Entry::Called { label, event: event.clone() });
            if let Some(action) = &action {
                if world.play(|play| play.take_step()) {
                    world.perform(&world.bus.current(), action, label);
                }
            }
            world.log(Entry::Ended { label, end });
            end
        });
        self.play(|play| play.handlers.push(Arc::downgrade(&handler)));
        Some((label, handler))
    }

    fn kind(&self, told: &Told) -> Kinded {
        match told {
            Told::Site(site) => Kinded::Site(*site),
            Told::Text(text) => Kinded::Text(text.clone()),
            Told::Fresh(number) => Kinded::Text(self.fresh[*number].to_owned()),
            Told::Interned(number) => Kinded::Interned(self.fresh[*number]),
        }
    }

    fn patterns(&self, patterns: &[Pattern]) -> Vec<String> {
        let text = |pattern: &Pattern| match pattern {
            Pattern::Text(text) => text.clone(),
            Pattern::Fresh(number) => self.fresh[*number].to_owned(),
        };
        patterns.iter().map(text).collect()
    }

    fn active(&self) -> Vec<(usize, bool)> {
        self.play(|play| play.guards.iter().map(|(label, guard)| (*label, T::is_active(guard))).collect())
    }

    /// The labels whose closures are there.
    fn alive(&self) -> impl Iterator<Item = usize> {
        let alive = |play: &mut Play<T>| play.handlers.iter().map(|one| one.strong_count() > 0).collect::<Vec<_>>();
        self.play(alive).into_iter().enumerate().filter_map(|(label, alive)| alive.then_some(label))
    }

    /// Drops the bus before its guards: all closures go, and the guards do no harm.
    fn end(self: Arc<Self>) {
        let Self { bus, play, .. } = Arc::into_inner(self).expect("handlers hold the world only while they run");
        let Play { guards, handlers, objects, cursor, .. } = play.into_inner().unwrap();
        drop(cursor);
        T::end(bus, guards.into_values().collect());
        drop(objects);
        assert!(handlers.iter().all(|handler| handler.strong_count() == 0), "a closure has outlived its bus");
    }

    fn log(&self, entry: Entry) {
        self.play(|play| play.log.push(entry));
    }

    /// Nothing of the bus may be done, or dropped, inside.
    fn play<R>(&self, play: impl FnOnce(&mut Play<T>) -> R) -> R {
        play(&mut self.play.lock().unwrap())
    }
}

impl World<Reference> {
    /// Whether the closure of that label may still be there, while no handler runs.
    fn needs(&self, label: usize) -> bool {
        self.play(|play| {
            play.guards.contains_key(&label)
                || play.ids[label].is_some_and(|id| self.bus.is_subscribed(id))
                || play.objects.values().any(|(object, _)| *object == label)
        })
    }
}

// === impl Play ===

impl<T: Target> Play<T> {
    fn label(&self, whom: Whom, this: usize) -> Option<usize> {
        match whom {
            Whom::This => (!self.ids.is_empty()).then_some(this),
            Whom::Number(number) => number.checked_rem(self.ids.len()),
        }
    }

    fn take_step(&mut self) -> bool {
        let left = self.steps.checked_sub(1);
        self.steps = left.unwrap_or(0);
        left.is_some()
    }
}
