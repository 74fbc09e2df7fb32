//! The queue that pushers and poppers share, and the workers that sleep until it holds something.

use std::task::Waker;

use super::{Counted, Record};
use crate::dispatch::watch;
use crate::sync::handle::{Handle, Recycle};
use crate::sync::queue::{self, Boxed, Item};
use crate::sync::{self, wakers};

impl<T> Recycle for Record<T> {
    fn recycle(_: sync::Sole<Self>) {}
}

/// A bounded queue.
pub struct Queue<T>(queue::Queue<Record<T>, T>);

/// What waits there: a counted pointer, or a box.
#[derive(Debug)]
pub enum Waiting<T> {
    Plain(Counted<T>),
    Boxed(InBox<T>),
}

/// A value in the box that it waited in, which is freed with it.
#[derive(Debug)]
pub struct InBox<T>(Box<Boxed<T>>);

impl<T> InBox<T> {
    pub fn into_inner(self) -> T {
        self.0.0
    }
}

impl<T> Queue<T> {
    pub fn new(capacity: usize) -> Self {
        Self(queue::Queue::new(capacity))
    }

    /// Hands the value back where the queue is full.
    pub fn push(&self, value: T) -> Result<(), Waiting<T>> {
        self.0.push(Item::Plain(Handle::new(sync::Arc::new(Record(value))))).map_err(Waiting::from)
    }

    /// The same, in a box.
    pub fn push_boxed(&self, value: T) -> Result<(), Waiting<T>> {
        self.0.push(Item::Boxed(Box::new(Boxed(value)))).map_err(Waiting::from)
    }

    pub fn pop(&self) -> Option<Waiting<T>> {
        self.0.pop().map(Waiting::from)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Waiting<T> {
    pub fn value(&self) -> &T {
        match self {
            Self::Plain(counted) => &counted.0,
            Self::Boxed(boxed) => &boxed.0.0,
        }
    }
}

impl<T> From<Item<Record<T>, T>> for Waiting<T> {
    fn from(item: Item<Record<T>, T>) -> Self {
        match item {
            Item::Plain(handle) => Self::Plain(handle.into_counted()),
            Item::Boxed(boxed) => Self::Boxed(InBox(boxed)),
        }
    }
}

/// Workers that sleep.
pub struct Wakers(wakers::Wakers);

impl Wakers {
    pub fn new(places: usize) -> Self {
        Self(wakers::Wakers::new(places))
    }

    /// Works as a worker's thread does: calls `look` until it returns something, and sleeps in between; with it, how often
    /// it slept.
    pub fn work<R>(&self, place: usize, look: impl Fn() -> Option<R>) -> (R, usize) {
        let parker = sync::Parker::new();
        let waker = parker.waker();
        let mut slept = 0;
        loop {
            if let Some(found) = look() {
                return (found, slept);
            }
            self.0.sleep(place, &waker);
            let found = look();
            if found.is_none() {
                slept += 1;
                parker.park();
            }
            let called = self.0.rise(place);
            if let Some(found) = found {
                if called {
                    self.0.wake_one();
                }
                return (found, slept);
            }
        }
    }

    pub fn sleep(&self, place: usize, waker: &Waker) {
        self.0.sleep(place, waker);
    }

    pub fn rise(&self, place: usize) -> bool {
        self.0.rise(place)
    }

    pub fn wake_one(&self) {
        self.0.wake_one();
    }

    pub fn wake_all(&self) {
        self.0.wake_all();
    }

    pub fn forget(&self, place: usize) {
        self.0.forget(place);
    }
}

/// Of the calling thread.
pub fn thread_waker() -> Waker {
    sync::Parker::new().waker()
}

/// Waiting until something has become true; see `dispatch::watch`.
#[derive(Default)]
pub struct Watch(watch::Watch);

impl Watch {
    /// Parks until `done`.
    pub fn wait(&self, done: impl FnMut() -> bool) {
        self.0.wait_until(None, done);
    }

    /// Looks once, as one whose time is over.
    pub fn look(&self, waker: &std::task::Waker) {
        let mut place = watch::Place::default();
        self.0.register(&mut place, waker);
        self.0.unregister(&mut place);
    }

    pub fn tell(&self) {
        self.0.tell();
    }
}
