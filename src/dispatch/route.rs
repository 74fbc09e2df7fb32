//! A route: the subscribers of one kind, in the order in which they are called; and walking two routes as one.

use std::sync::Arc;

use super::subscriber::Subscriber;
use crate::event::Kind;

/// Subscribers in order. Shared between tables that agree on it.
pub(crate) type Order = Arc<[Arc<Subscriber>]>;

/// The subscribers of a kind, those that take every kind left out.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) kind: Kind,
    pub(super) subscribers: Order,
}

/// `order` with `new` in its place; the same if it is there already.
pub(super) fn with(order: &Order, new: &Arc<Subscriber>) -> Order {
    match order.binary_search_by_key(&new.rank(), |one| one.rank()) {
        Ok(_) => Arc::clone(order),
        Err(at) => order[..at].iter().chain([new]).chain(&order[at..]).cloned().collect(),
    }
}

/// `order` without `old`.
pub(super) fn without(order: &Order, old: &Subscriber) -> Order {
    match order.binary_search_by_key(&old.rank(), |one| one.rank()) {
        Err(_) => Arc::clone(order),
        Ok(at) => order[..at].iter().chain(&order[at + 1..]).cloned().collect(),
    }
}

/// The subscribers of one event, in order: its route, merged with those that take every kind.
pub(crate) struct Walk<'a> {
    pub(super) route: &'a [Arc<Subscriber>],
    /// Set where `route` was not made for this kind alone: only those that match it are called.
    pub(super) only: Option<&'a str>,
    pub(super) all: &'a [Arc<Subscriber>],
}

impl<'a> Walk<'a> {
    /// Whether nobody can be in it.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.route.is_empty() && self.all.is_empty()
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = &'a Subscriber;

    #[inline]
    fn next(&mut self) -> Option<&'a Subscriber> {
        if let Some(kind) = self.only {
            while let Some((first, rest)) = self.route.split_first() {
                if first.selector.matches(kind) {
                    break;
                }
                self.route = rest;
            }
        }
        let side = match (self.route.first(), self.all.first()) {
            (Some(one), Some(other)) if one.rank() > other.rank() => &mut self.all,
            (None, _) => &mut self.all,
            _ => &mut self.route,
        };
        let (first, rest) = side.split_first()?;
        *side = rest;
        Some(first)
    }
}
