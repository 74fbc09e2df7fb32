//! A call site of `publish_event!`: what is known of it at compile time, and its kind's id, found at first use.
//!
//! The macro puts one [`Callsite`] into a static. Its first publish interns the kind; threads that race there agree,
//! and none waits for another (P1). From then on a publish finds the kind with one load.
//!
//! # Orderings
//! The kind's entry is released by whoever sets it and acquired by whoever reads it (`sync`'s once cells).

use crate::event::{CallSite, Draft, Kind, KindError};
use crate::sync::{OnceBox, busy};

/// What `publish_event!` puts into a static; no public interface.
#[doc(hidden)]
pub struct Callsite {
    /// A stand-in where the kind is told at run time.
    kind: &'static str,
    place: CallSite,
    interned: OnceBox<Kind>,
}

// === impl Callsite ===

impl Callsite {
    /// The site of `kind`, which [`checked_kind`](crate::event::checked_kind) has passed.
    #[cfg(not(ringbus_loom))]
    #[must_use]
    pub const fn new(kind: &'static str, place: CallSite) -> Self {
        Self { kind, place, interned: OnceBox::new() }
    }

    /// The site of `kind`, for a model.
    #[cfg(ringbus_loom)]
    pub fn new(kind: &'static str, place: CallSite) -> Self {
        Self { kind, place, interned: OnceBox::new() }
    }

    /// The kind of this site.
    #[inline]
    pub fn kind(&self) -> Kind {
        match self.interned.get() {
            Some(kind) => kind.clone(),
            None => self.register(),
        }
    }

    #[cold]
    fn register(&self) -> Kind {
        busy::during(|| {
            let kind = Kind::from_checked(self.kind);
            // Who loses the race has the same kind.
            let _ = self.interned.set(Box::new(kind.clone()));
            kind
        })
    }

    /// Begins an event of this site's kind.
    ///
    /// # Errors
    /// [`Refused::InsideBus`] where the thread is in the middle of the bus's own work.
    #[inline(always)]
    pub fn draft(&'static self) -> Result<Draft, Refused> {
        if busy::is_busy() {
            return Err(Refused::InsideBus);
        }
        Ok(Draft::new(self.kind(), Some(&self.place)))
    }

    /// Begins an event of a kind told at run time.
    ///
    /// # Errors
    /// As [`draft`](Self::draft), and where the kind is malformed.
    #[inline]
    pub fn draft_of(&'static self, kind: Result<Kind, KindError>) -> Result<Draft, Refused> {
        let kind = kind.map_err(Refused::InvalidKind)?;
        if busy::is_busy() {
            return Err(Refused::InsideBus);
        }
        Ok(Draft::new(kind, Some(&self.place)))
    }
}

/// Why a call site makes no event; no public interface.
#[doc(hidden)]
#[derive(Debug)]
pub enum Refused {
    /// The thread is in the middle of the bus's own work: an allocator publishes.
    InsideBus,
    /// The kind told at run time is none.
    InvalidKind(KindError),
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    #[test]
    fn racing_first_uses_agree_on_the_kind() {
        static SITE: Callsite = Callsite::new("callsite.race", CallSite::new("here.rs", 1, "here", &[]));
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(|| SITE.kind().id())).collect();
        let ids: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(ids[0].is_some());
        assert!(ids.iter().all(|id| *id == ids[0]));
    }
}
