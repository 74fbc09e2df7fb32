//! Which process this is: a random number that a fork changes.
//!
//! Event ids must not repeat between processes, and a child process must not wait for threads that only its parent
//! has. Both ask for [`instance`]: 60 random bits, chosen at first use, replaced in the child by a fork handler.
//! Reading it is one relaxed load.

/// The mask of the 60 bits that an instance number has.
pub(crate) const MASK: u64 = (1 << 60) - 1;

#[cfg(ringbus_loom)]
pub(crate) fn instance() -> u64 {
    1
}

#[cfg(not(ringbus_loom))]
pub(crate) use real::instance;

#[cfg(not(ringbus_loom))]
mod real {
    use super::super::atomic::{AtomicU64, Ordering};
    use super::MASK;
    use std::hash::{BuildHasher, RandomState};

    /// 0 = not chosen yet.
    static INSTANCE: AtomicU64 = AtomicU64::new(0);

    /// This process's number, never 0.
    #[inline]
    pub(crate) fn instance() -> u64 {
        match INSTANCE.load(Ordering::Relaxed) {
            0 => choose(),
            chosen => chosen,
        }
    }

    #[cold]
    fn choose() -> u64 {
        // `RandomState` draws its keys from the operating system's generator, which is why no crate for that is here.
        let random = RandomState::new().hash_one(std::process::id());
        let mine = (random & MASK).max(1);
        match INSTANCE.compare_exchange(0, mine, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                watch_forks();
                mine
            }
            Err(theirs) => theirs,
        }
    }

    /// splitmix64's finaliser (Steele, Lea, Flood 2014): a bijection that spreads every bit.
    fn mix(mut z: u64) -> u64 {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    #[cfg(all(unix, not(miri)))]
    fn watch_forks() {
        extern "C" fn in_child() {
            let parent = INSTANCE.load(Ordering::Relaxed);
            let child = mix(parent ^ mix(u64::from(std::process::id()))) & MASK;
            INSTANCE.store(child.max(1), Ordering::Relaxed);
            // The one thread that the child has may be in the middle of a call, which a close there must wait for.
            super::super::rows::follow_fork();
            super::super::duty::follow_fork();
        }
        // SAFETY: the handler is a function of this crate that only loads, stores and asks for the process id, all of
        // which are allowed between fork and exec. Its failure (no memory) leaves ids of a forked child ambiguous and
        // nothing else, so the result is not needed.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    }

    // Miri knows no fork.
    #[cfg(not(all(unix, not(miri))))]
    fn watch_forks() {}

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_number_stays() {
            let first = instance();
            assert_ne!(first, 0);
            assert_eq!(first & !MASK, 0);
            assert_eq!(std::thread::spawn(instance).join().unwrap(), first);
        }
    }
}
