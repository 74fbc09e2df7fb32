//! The kinds that are interned, in the process's one interner.

use crate::event::interner::{Entry, KINDS, KindId};

/// The entry of a kind, if some call site has it.
pub(super) fn find(text: &str) -> Option<&'static Entry> {
    KINDS.find(text)
}

/// The entry of a call site's kind; none where the interner is full.
pub(super) fn intern(text: &'static str) -> Option<&'static Entry> {
    KINDS.intern(text)
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = (&'static str, KindId)> {
    KINDS.entries().map(|entry| (entry.name(), entry.id()))
}
