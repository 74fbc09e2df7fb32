//! Small numbers for names: the [`Interner`] gives each name one [`KindId`], for good.
//!
//! A fixed array of chains, append-only: an entry is never moved, changed or removed, so a reference to
//! it stays good as long as the interner lives, which for [`KINDS`] is the life of the process.
//!
//! It promises that one name has one entry, that an entry's id is below [`MAX_KINDS`] and its own, and
//! that looking up and interning are lock-free: a lost exchange means that another thread has appended.
//! Ids count up from 0 without gaps, except that threads which intern the same new name in the same
//! instant may use up an id each.
//!
//! A name can have an owner, a type: the first one that claims it, for good ([`Link::claim`]).
//!
//! It refuses names that are not `'static`, so that names made at run time can never fill it (P9), and
//! new names once it is full.
//!
//! # Orderings
//!
//! To be ensured: whoever sees an entry, or a claim, sees it whole. `OnceBox` does that: `set` releases
//! what `get` acquires. The ticket counter only hands out distinct numbers and publishes nothing; any
//! ordering does, so it is relaxed.

use core::any::TypeId;

use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::{OnceBox, step};

/// The most names an interner holds.
pub(crate) const MAX_KINDS: usize = 65_536;

/// Chains; few under loom, which tracks each one.
const BUCKETS: usize = if cfg!(ringbus_loom) { 2 } else { 512 };

/// The names that call sites and subscriptions of this process use. Not under loom, whose cells cannot be
/// static: models bring an interner of their own.
#[cfg(not(ringbus_loom))]
pub(crate) static KINDS: Interner = Interner::new();

/// The number of an interned name: small, and so fit to index with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct KindId(u32);

/// A name and its number.
#[derive(Debug)]
pub(crate) struct Entry {
    name: &'static str,
    id: KindId,
}

/// A link of a chain. The entry is apart, so that a kind, which points to it, holds nothing that can change.
pub(crate) struct Link {
    entry: Entry,
    claim: OnceBox<Claim>,
    next: OnceBox<Link>,
}

/// The type that a name belongs to.
pub(crate) struct Claim {
    pub(crate) owner: TypeId,
    /// The type's name, for people.
    pub(crate) name: &'static str,
}

/// See the [module](self).
pub(crate) struct Interner {
    buckets: [OnceBox<Link>; BUCKETS],
    /// The next id; stands still at [`MAX_KINDS`] or a little above (by one for each thread that raced).
    tickets: AtomicU32,
}

// === impl KindId ===

impl KindId {
    /// The id as an index, below [`MAX_KINDS`].
    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

// === impl Entry ===

impl Entry {
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    pub(crate) fn id(&self) -> KindId {
        self.id
    }
}

// === impl Link ===

impl Link {
    pub(crate) fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Whose the name is: the first claimant's, for good.
    pub(crate) fn claim(&self, mine: Claim) -> &Claim {
        let mut fresh = Some(mine);
        loop {
            if let Some(claim) = self.claim.get() {
                return claim;
            }
            if let Some(mine) = fresh.take() {
                // Won or lost, there is a claim now.
                drop(self.claim.set(Box::new(mine)));
            }
        }
    }
}

// === impl Interner ===

impl Interner {
    #[cfg(not(ringbus_loom))]
    pub(crate) const fn new() -> Self {
        Self { buckets: [const { OnceBox::new() }; BUCKETS], tickets: AtomicU32::new(0) }
    }

    #[cfg(ringbus_loom)]
    pub(crate) fn new() -> Self {
        Self { buckets: std::array::from_fn(|_| OnceBox::new()), tickets: AtomicU32::new(0) }
    }

    /// The entry of `name`, if it has one.
    pub(crate) fn find(&self, name: &str) -> Option<&Entry> {
        let mut end = self.bucket(name);
        while let Some(link) = end.get() {
            if link.entry.name == name {
                return Some(&link.entry);
            }
            end = &link.next;
        }
        None
    }

    /// The entry of `name`, made if need be; `None` when it would be a new one and the interner is full.
    pub(crate) fn intern(&self, name: &'static str) -> Option<&Entry> {
        self.link(name).map(Link::entry)
    }

    /// Like [`intern`](Self::intern): the link that holds the entry.
    pub(crate) fn link(&self, name: &'static str) -> Option<&Link> {
        let mut end = self.bucket(name);
        let mut fresh = None;
        loop {
            if let Some(link) = end.get() {
                if link.entry.name == name {
                    return Some(link);
                }
                end = &link.next;
                continue;
            }
            let link = match fresh.take() {
                Some(link) => link,
                None => Box::new(Link {
                    entry: Entry { name, id: self.ticket()? },
                    claim: OnceBox::new(),
                    next: OnceBox::new(),
                }),
            };
            step("interner.append");
            // Won or lost, this end is taken now, and the next round looks at what stands there.
            fresh = end.set(link).err();
        }
    }

    /// All entries there are.
    #[cfg(not(ringbus_loom))]
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        let chains = self.buckets.iter().map(|first| core::iter::successors(first.get(), |link| link.next.get()));
        chains.flatten().map(|link| &link.entry)
    }

    fn ticket(&self) -> Option<KindId> {
        let mut id = self.tickets.load(Ordering::Relaxed);
        while (id as usize) < MAX_KINDS {
            match self.tickets.compare_exchange_weak(id, id + 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(KindId(id)),
                Err(now) => id = now,
            }
        }
        None
    }

    /// The head of the chain for `name`, by rustc's `FxHash`, over words of eight bytes. Names
    /// given to [`intern`](Self::intern) come from the program, so nobody can aim at a chain.
    fn bucket(&self, name: &str) -> &OnceBox<Link> {
        let mut hash = name.len() as u64;
        for part in name.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            hash = (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
        // The upper bits of a product are the well-mixed ones.
        &self.buckets[(hash >> 48) as usize % BUCKETS]
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::thread;

    /// `count` distinct names, `k.0` on, cut from one leaked text.
    fn names(count: usize) -> Vec<&'static str> {
        let text = (0..count).map(|n| format!("k.{n}")).collect::<Vec<_>>().join(" ");
        Box::leak(text.into_boxed_str()).split(' ').collect()
    }

    #[test]
    fn one_name_has_one_entry_and_ids_count_up() {
        let interner = Interner::new();
        assert!(interner.find("a.b").is_none());
        for (n, name) in names(2_000).into_iter().enumerate() {
            let entry = interner.intern(name).unwrap();
            assert_eq!((entry.name(), entry.id().index()), (name, n));
            let text = String::from(name);
            assert!(std::ptr::eq(interner.find(&text).unwrap(), entry));
            assert!(std::ptr::eq(interner.intern(name).unwrap(), entry));
        }
        assert!(interner.find("k.2000").is_none());
    }

    #[test]
    fn names_that_differ_only_in_zero_padding_are_told_apart() {
        let interner = Interner::new();
        let first = interner.intern("a").unwrap().id();
        let second = interner.intern("a\0").unwrap().id();
        assert_ne!(first, second);
    }

    #[test]
    fn a_full_interner_keeps_what_it_has_and_refuses_the_rest() {
        let interner = Interner::new();
        let names = names(MAX_KINDS + 2);
        for name in &names[..MAX_KINDS] {
            assert!(interner.intern(name).is_some());
        }
        for name in &names[MAX_KINDS..] {
            assert!(interner.intern(name).is_none());
            assert!(interner.find(name).is_none());
        }
        assert_eq!(interner.intern(names[MAX_KINDS - 1]).unwrap().id().index(), MAX_KINDS - 1);
        assert_eq!(interner.tickets.load(Ordering::Relaxed) as usize, MAX_KINDS);
    }

    #[test]
    fn chains_stay_short() {
        let interner = Interner::new();
        for name in names(4 * BUCKETS) {
            interner.intern(name);
        }
        let longest =
            interner.buckets.iter().map(|bucket| std::iter::successors(bucket.get(), |link| link.next.get()).count());
        assert!(longest.max() <= Some(16));
    }

    #[test]
    fn racing_threads_agree_and_lose_few_ids() {
        const THREADS: usize = 4;
        let interner = Interner::new();
        let names = names(500);
        let start = Barrier::new(THREADS);
        let seen: Vec<Vec<KindId>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        names.iter().map(|name| interner.intern(name).unwrap().id()).collect()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(seen.iter().all(|ids| *ids == seen[0]), "one name, one id, on every thread");
        assert_eq!(seen[0].iter().collect::<HashSet<_>>().len(), names.len(), "ids are distinct");
        assert!(seen[0].iter().all(|id| id.index() < names.len() * THREADS));
    }
}
