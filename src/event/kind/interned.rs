//! The kinds that are interned, in the process's one interner.

use crate::event::interner::{Entry, KINDS, KindId, Link};
use crate::sync::busy;

/// The entry of a kind, if some call site has it.
pub(super) fn find(text: &str) -> Option<&'static Entry> {
    KINDS.find(text)
}

/// The entry of a call site's kind; none where the interner is full.
pub(super) fn intern(text: &'static str) -> Option<&'static Entry> {
    KINDS.intern(text)
}

/// The link of a kind, made if need be: who claims it leaves word there.
pub(super) fn link(name: &'static str) -> Option<&'static Link> {
    busy::during(|| KINDS.link(name))
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = (&'static str, KindId)> {
    KINDS.entries().map(|entry| (entry.name(), entry.id()))
}
