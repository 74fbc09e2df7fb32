//! Workers that sleep, of which whoever brings work wakes one.
//!
//! A worker has a place: a bit in one word, and the waker of its task or thread. It finds no work, leaves its waker, sets
//! its bit, and looks *once more* before it sleeps; who brings work puts it where workers look, takes a bit, and wakes that
//! worker. A bit is taken once, so each bringer wakes another one. Nobody waits for anybody: bringers are publishers (P1).
//!
//! A waker stands in its place as a pointer, which is exchanged whole. That is less than the state word of the well-known
//! `AtomicWaker` (of futures and tokio), and costs an allocation for each sleep; but no thread can stop in the middle of it
//! and leave another one to spin. In return there is this: a bringer that has taken a waker and stops before it wakes keeps
//! that worker asleep until it goes on. Others who find the place empty then wake another worker.
//!
//! A waker's clone, its drop and its wake are user code. All of it runs when the state is right; a panic in it goes to the
//! caller and harms nothing here: see each method for what is then undone. Each call takes at least one waker out, or does
//! all that is left, so who calls again after each panic comes to an end.
//!
//! # Orderings
//! To ensure: the worker's last look finds the work, or the bringer finds the bit (Dekker): write, full fence, read, on both
//! sides. And who takes the bit finds the waker: setting the bit releases, taking it acquires (which no model can show: loom
//! runs read-modify-writes in the order of the program). A wake-up hands on nothing:
//! the worker finds the work by the order of its queue, at the latest in its look before the next sleep.

use core::ptr;
use core::task::Waker;

use super::atomic::{AtomicPtr, AtomicU64, Ordering, fence};
use super::{CachePadded, busy, fence_after_rmw, step};

/// See the [module](self).
pub(crate) struct Wakers {
    /// A bit for each place whose worker sleeps, or is about to.
    idle: CachePadded<AtomicU64>,
    places: Box<[Place]>,
}

/// Where one worker leaves its waker: a box, or null.
struct Place {
    waker: AtomicPtr<Waker>,
}

// === impl Place ===

impl Place {
    fn new() -> Self {
        Self { waker: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Puts a waker in; out comes the one that was there.
    fn exchange(&self, waker: Option<Box<Waker>>) -> Option<Box<Waker>> {
        let new = waker.map_or(ptr::null_mut(), Box::into_raw);
        // Release: the waker put in. Acquire: the one taken out.
        let old = self.waker.swap(new, Ordering::AcqRel);
        // SAFETY: the place holds null or what `into_raw` gave it, and the swap took it out.
        (!old.is_null()).then(|| unsafe { Box::from_raw(old) })
    }

    /// Leaves a waker here that wakes whom `waker` wakes. A panic of the clone, or of the old one's drop, leaves none.
    fn keep(&self, waker: &Waker) {
        let kept = match self.exchange(None) {
            Some(kept) if kept.will_wake(waker) => kept,
            other => {
                unbox(other);
                let clone = waker.clone();
                busy::during(|| Box::new(clone))
            }
        };
        unbox(self.exchange(Some(kept)));
    }

    /// Takes the waker and wakes; `false` where there was none.
    fn wake(&self) -> bool {
        step("wakers.take");
        let waker = unbox(self.exchange(None));
        step("wakers.wake");
        let found = waker.is_some();
        if let Some(waker) = waker {
            waker.wake();
        }
        found
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        unbox(self.exchange(None));
    }
}

/// The waker without its box.
fn unbox(waker: Option<Box<Waker>>) -> Option<Waker> {
    busy::during(|| waker.map(|waker| *waker))
}

// === impl Wakers ===

impl Wakers {
    /// The most places there are.
    pub(crate) const MOST: usize = 64;

    /// So many places, from one to [`MOST`](Self::MOST); nobody sleeps.
    pub(crate) fn new(places: usize) -> Self {
        debug_assert!((1..=Self::MOST).contains(&places), "{places} places");
        let places = places.min(Self::MOST);
        Self { idle: CachePadded::new(AtomicU64::new(0)), places: (0..places).map(|_| Place::new()).collect() }
    }

    /// The worker at `place` has found no work and is about to sleep: after this it must look once more.
    ///
    /// Only the worker of that place may call this. If the waker's code panics, the worker counts as awake.
    pub(crate) fn sleep(&self, place: usize, waker: &Waker) {
        self.places[place].keep(waker);
        step("wakers.sleep");
        // Release: the waker.
        self.idle.fetch_or(bit(place), Ordering::Release);
        // With the one in `wake_one`: the worker's look finds the work, or the bringer finds the bit.
        fence_after_rmw();
    }

    /// The worker goes on, by itself or woken: takes its bit back. Whether somebody had taken it: work was brought, for
    /// which this worker was woken.
    ///
    /// Who was woken, and found work before the wake-up came, takes on both: after each item that it finds, a worker should
    /// call [`wake_one`](Self::wake_one) if there are more.
    pub(crate) fn rise(&self, place: usize) -> bool {
        // Relaxed: see the module's head.
        self.idle.fetch_and(!bit(place), Ordering::Relaxed) & bit(place) == 0
    }

    /// Whether anybody sleeps, for one who has brought work by a read-modify-write, as
    /// [`Queue::push`](super::queue::Queue::push) does. If not, the work will be found.
    #[inline]
    pub(crate) fn anyone_sleeps(&self) -> bool {
        self.asleep() != 0
    }

    #[inline]
    fn asleep(&self) -> u64 {
        // With the one in `sleep`.
        fence_after_rmw();
        // Relaxed: after the fence.
        self.idle.load(Ordering::Relaxed)
    }

    /// Wakes a sleeping worker, if there is one, for work that was brought before by a read-modify-write, as
    /// [`Queue::push`](super::queue::Queue::push) does.
    ///
    /// If the waker panics, its worker is not woken: call this again.
    #[inline]
    pub(crate) fn wake_one(&self) {
        let idle = self.asleep();
        if idle != 0 {
            self.wake_any(idle);
        }
    }

    /// Wakes the first of those who sleep.
    #[cold]
    fn wake_any(&self, mut idle: u64) {
        while idle != 0 {
            let place = idle.trailing_zeros() as usize;
            if self.take(place) && self.places[place].wake() {
                return;
            }
            // Another one has woken it, or is about to: the next one. Those that have come meanwhile look by themselves.
            idle &= idle - 1;
        }
    }

    /// Wakes all workers that sleep, for whatever was written before.
    ///
    /// If a waker panics, its worker and those behind it are not woken: call this again.
    pub(crate) fn wake_all(&self) {
        fence(Ordering::SeqCst);
        let mut idle = self.idle.load(Ordering::Relaxed);
        while idle != 0 {
            let place = idle.trailing_zeros() as usize;
            if self.take(place) {
                self.places[place].wake();
            }
            idle &= idle - 1;
        }
    }

    /// Drops the waker kept for a worker that has ended; what woke it last wakes another one.
    ///
    /// If that one's waker panics, call this again; a panic of the drop comes when all is done.
    pub(crate) fn forget(&self, place: usize) {
        if self.rise(place) {
            self.wake_one();
        }
        unbox(self.places[place].exchange(None));
    }

    /// Takes a worker's bit; whether it was there.
    fn take(&self, place: usize) -> bool {
        // Acquire: the waker.
        self.idle.fetch_and(!bit(place), Ordering::Acquire) & bit(place) != 0
    }
}

fn bit(place: usize) -> u64 {
    1 << place
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;
    use crate::sync::Parker;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;
    use std::task::Wake;

    /// Counts its wake-ups and, but for these, its own holders.
    struct Bell(AtomicU64);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn bells<const N: usize>() -> [Arc<Bell>; N] {
        [(); N].map(|()| Arc::new(Bell(AtomicU64::new(0))))
    }

    fn rung<const N: usize>(bells: &[Arc<Bell>; N]) -> [u64; N] {
        bells.each_ref().map(|bell| bell.0.load(Ordering::Relaxed))
    }

    fn waker(bell: &Arc<Bell>) -> Waker {
        Arc::clone(bell).into()
    }

    #[test]
    fn each_call_wakes_another_sleeper_once() {
        let (wakers, bells) = (Wakers::new(3), bells::<3>());
        wakers.wake_one();
        for place in [2, 0, 1] {
            wakers.sleep(place, &waker(&bells[place]));
        }
        assert!(!wakers.rise(1), "nobody has called it");
        wakers.wake_one();
        assert_eq!(rung(&bells), [1, 0, 0]);
        wakers.wake_one();
        wakers.wake_one();
        assert_eq!(rung(&bells), [1, 0, 1]);
        assert!(wakers.rise(0) && wakers.rise(2));
    }

    #[test]
    fn all_are_woken_to_the_last_place() {
        let wakers = Wakers::new(Wakers::MOST);
        let bells = bells::<{ Wakers::MOST }>();
        for (place, bell) in bells.iter().enumerate() {
            wakers.sleep(place, &waker(bell));
        }
        wakers.rise(5);
        wakers.wake_all();
        wakers.wake_all();
        assert!(rung(&bells).iter().enumerate().all(|(place, rung)| *rung == u64::from(place != 5)));
    }

    #[test]
    fn a_waker_is_kept_until_another_comes_or_it_is_forgotten() {
        let (wakers, bells) = (Wakers::new(1), bells::<2>());
        let own = bells.each_ref().map(waker);
        let holders = || bells.each_ref().map(|bell| Arc::strong_count(bell) - 2);
        wakers.sleep(0, &own[0]);
        wakers.rise(0);
        wakers.sleep(0, &own[0]);
        assert_eq!(holders(), [1, 0]);
        wakers.sleep(0, &own[1]);
        assert_eq!(holders(), [0, 1]);
        wakers.wake_one();
        assert_eq!((holders(), rung(&bells)), ([0, 0], [0, 1]));
        wakers.sleep(0, &own[0]);
        wakers.forget(0);
        wakers.wake_one();
        assert_eq!((holders(), rung(&bells)), ([0, 0], [0, 1]));
        wakers.sleep(0, &own[0]);
        drop(wakers);
        assert_eq!(holders(), [0, 0]);
    }

    #[test]
    fn who_ends_after_its_call_passes_it_on() {
        let (wakers, bells) = (Wakers::new(2), bells::<2>());
        for place in [0, 1] {
            wakers.sleep(place, &waker(&bells[place]));
        }
        wakers.wake_one();
        wakers.forget(0);
        assert_eq!(rung(&bells), [1, 1]);
    }

    #[test]
    fn who_finds_a_place_empty_wakes_the_next() {
        let (wakers, bells) = (Wakers::new(2), bells::<2>());
        for place in [0, 1] {
            wakers.sleep(place, &waker(&bells[place]));
        }
        // A bringer has taken the waker, and stands before it wakes.
        let taken = wakers.places[0].exchange(None);
        wakers.wake_one();
        assert!(taken.is_some() && rung(&bells) == [0, 1]);
    }

    #[test]
    fn a_panicking_waker_harms_none_but_its_own() {
        struct Bomb;
        impl Wake for Bomb {
            fn wake(self: Arc<Self>) {
                panic!("woken");
            }
        }
        let (wakers, bells) = (Wakers::new(2), bells::<1>());
        wakers.sleep(0, &Arc::new(Bomb).into());
        wakers.sleep(1, &waker(&bells[0]));
        assert!(catch_unwind(AssertUnwindSafe(|| wakers.wake_all())).is_err());
        assert_eq!(rung(&bells), [0]);
        wakers.wake_all();
        assert_eq!(rung(&bells), [1]);
    }

    #[test]
    fn a_threads_waker_ends_its_sleep() {
        let (wakers, work) = (Wakers::new(1), AtomicU64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let parker = Parker::new();
                let waker = parker.waker();
                for n in 1..=100 {
                    while work.load(Ordering::Relaxed) < n {
                        wakers.sleep(0, &waker);
                        if work.load(Ordering::Relaxed) < n {
                            parker.park();
                        }
                        wakers.rise(0);
                    }
                }
            });
            for _ in 0..100 {
                work.fetch_add(1, Ordering::Relaxed);
                wakers.wake_one();
            }
        });
    }
}
