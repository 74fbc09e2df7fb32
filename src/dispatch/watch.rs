//! Waiting until something has become true, on a thread or in a future.
//!
//! For the cold side: a close that waits for a queue to end, a publisher that wants to know what became of its event.
//! Whoever makes it true tells; where nobody watches that is a fence and a load, so workers tell after each event. It may be
//! a publisher who tells, so that nobody waits for the list's lock to do so: where it is taken, whoever has it does the
//! telling when it is done with it.
//!
//! # Orderings
//! - `watched` against what is waited for: who tells has changed it before, fences, and looks for watchers; who watches is
//!   on the list, fences, and looks at it. One of the two sees the other (Dekker), so no wake-up is lost.
//! - `told` against the lock, in the same way: who tells says so, fences, and tries the lock; who unlocks fences and looks
//!   whether somebody has told.

use std::task::Waker;
use std::time::Instant;

use crate::contain;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use crate::sync::{Parker, QuietMutex, busy, fence_after_rmw, step};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Watch {
    /// How many are on the list.
    watched: AtomicUsize,
    /// Those on the list are to be woken.
    told: AtomicBool,
    list: QuietMutex<List>,
}

#[derive(Debug, Default)]
struct List {
    /// How many places there were.
    places: u64,
    wakers: Vec<(u64, Waker)>,
}

/// The place on the list of one who watches: two who wait in one task have the same waker, and a place each.
#[derive(Debug, Default)]
pub(crate) struct Place(Option<u64>);

// === impl Watch ===

impl Default for Watch {
    fn default() -> Self {
        Self { watched: AtomicUsize::new(0), told: AtomicBool::new(false), list: QuietMutex::new(List::default()) }
    }
}

impl Watch {
    /// Wakes all who watch; what they wait for was changed before.
    #[inline]
    pub(crate) fn tell(&self) {
        // Pairs with the fence in `register`.
        fence(Ordering::SeqCst);
        step("watch.tell");
        if self.watched.load(Ordering::Relaxed) > 0 {
            self.tell_all();
        }
    }

    /// The same for one whose last write was a read-modify-write that may have made it true.
    #[inline]
    pub(crate) fn tell_if(&self, is_true: impl FnOnce() -> bool) {
        // Pairs with the fence in `register`.
        fence_after_rmw();
        step("watch.tell");
        if self.watched.load(Ordering::Relaxed) > 0 && is_true() {
            self.tell_all();
        }
    }

    #[cold]
    fn tell_all(&self) {
        // Release: what was changed, for whoever takes it back. An exchange, so that with it comes what others have told.
        self.told.swap(true, Ordering::AcqRel);
        self.wake_told();
    }

    /// Wakes those on the list if somebody has told, unless another thread has the lock: that does it then.
    fn wake_told(&self) {
        loop {
            // Pairs with the one of who unlocks, or of who tells; and for those who watch with the one in `tell`.
            fence(Ordering::SeqCst);
            step("watch.told");
            if !self.told.load(Ordering::Relaxed) {
                return;
            }
            let wakers = busy::during(|| {
                let mut list = self.list.try_lock()?;
                // Acquire: what was changed.
                self.told.swap(false, Ordering::AcqRel);
                self.watched.store(0, Ordering::Relaxed);
                Some(core::mem::take(&mut list.wakers))
            });
            let Some(wakers) = wakers else { return };
            // A waker is user code: an executor's.
            wakers.into_iter().for_each(|(_, waker)| contain::run_contained(|| waker.wake()));
        }
    }

    /// Puts a waker on the list, in place of the one that was there for the same; after this, look again whether there is
    /// anything to wait for.
    pub(crate) fn register(&self, place: &mut Place, waker: &Waker) {
        let own = waker.clone();
        let earlier = busy::during(|| {
            let mut list = self.list.lock();
            let number = *place.0.get_or_insert_with(|| {
                list.places += 1;
                list.places
            });
            let earlier = match list.wakers.iter_mut().find(|(other, _)| *other == number) {
                Some((_, there)) => Some(core::mem::replace(there, own)),
                None => {
                    list.wakers.push((number, own));
                    None
                }
            };
            self.watched.store(list.wakers.len(), Ordering::Relaxed);
            earlier
        });
        contain::drop_contained(earlier);
        self.wake_told();
    }

    /// Takes a waker off the list.
    pub(crate) fn unregister(&self, place: &mut Place) {
        let Some(number) = place.0.take() else { return };
        let own = busy::during(|| {
            let mut list = self.list.lock();
            let at = list.wakers.iter().position(|(other, _)| *other == number);
            let own = at.map(|at| list.wakers.swap_remove(at));
            self.watched.store(list.wakers.len(), Ordering::Relaxed);
            own
        });
        contain::drop_contained(own);
        self.wake_told();
    }

    /// Parks the calling thread until `done`; `false` where the deadline has passed before.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>, mut done: impl FnMut() -> bool) -> bool {
        let parker = Parker::new();
        let (waker, mut place) = (parker.waker(), Place::default());
        let came_true = loop {
            self.register(&mut place, &waker);
            if done() {
                break true;
            }
            let Some(deadline) = deadline else {
                parker.park();
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break false;
            }
            parker.park_timeout(left);
        };
        self.unregister(&mut place);
        came_true
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc;

    #[test]
    fn a_watcher_wakes_when_it_is_told_and_leaves_nothing_behind() {
        let (watch, done) = (Arc::new(Watch::default()), Arc::new(AtomicBool::new(false)));
        let (asked, asks) = mpsc::channel();
        let watcher = {
            let (watch, done) = (Arc::clone(&watch), Arc::clone(&done));
            std::thread::spawn(move || {
                watch.wait_until(None, || {
                    let _ = asked.send(());
                    done.load(Ordering::SeqCst)
                })
            })
        };
        asks.recv().unwrap();
        done.store(true, Ordering::SeqCst);
        watch.tell();
        assert!(watcher.join().unwrap());
        assert_eq!((watch.watched.load(Ordering::SeqCst), watch.list.lock().wakers.len()), (0, 0));
    }

    #[test]
    fn past_its_deadline_a_watcher_goes() {
        let watch = Watch::default();
        assert!(!watch.wait_until(Some(Instant::now()), || false));
        assert!(watch.wait_until(Some(Instant::now()), || true), "looked at in any case");
        assert_eq!(watch.watched.load(Ordering::SeqCst), 0);
    }
}
