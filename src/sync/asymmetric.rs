//! A pair of full fences, of which the one on the way of a publish may cost next to nothing.
//!
//! Two threads write, each its own word, fence, and read the other's: at least one of them sees the other (Dekker). One
//! side does so for every call of a handler, the other when a subscription ends. With the feature `membarrier`, on Linux
//! for x86-64, the frequent side only tells the compiler to keep the order, and the rare one has the kernel run a full
//! fence on each processor that runs a thread of this process (`membarrier(2)`, private and expedited: about 1 µs).
//! Otherwise both fence themselves, and so they do in models.
//!
//! Where that system call is refused later on (a filter of system calls was put in), the kernel is made to interrupt those
//! processors by taking away the right to write to a page: what folly's asymmetric fence and .NET's
//! `FlushProcessWriteBuffers` do.
//!
//! That the two forms are as good as each other is the kernel's promise, not that of Rust's memory model, and no model
//! can check it: hence the feature, which is off by default.
//!
//! # Orderings
//! `STATE`: Relaxed. It is settled once. The rare side settles it before it relies on it; the frequent side fences by
//! itself until it sees that it need not.

#[cfg(all(feature = "membarrier", target_os = "linux", target_arch = "x86_64", not(any(ringbus_loom, miri))))]
mod form {
    use core::cell::UnsafeCell;
    use core::sync::atomic::{AtomicU8, Ordering, fence};

    const UNSETTLED: u8 = 0;
    /// The kernel fences for the frequent side.
    const ON: u8 = 1;
    const OFF: u8 = 2;

    static STATE: AtomicU8 = AtomicU8::new(UNSETTLED);

    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY: the call takes two numbers and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0) == 0 }
    }

    /// Whether the rare side fences for this one, too.
    #[inline(always)]
    pub(crate) fn is_on() -> bool {
        STATE.load(Ordering::Relaxed) == ON
    }

    /// Settles which form it is, once; never waits.
    #[cold]
    pub(crate) fn settle() -> bool {
        if STATE.load(Ordering::Relaxed) == UNSETTLED {
            let state = if membarrier(REGISTER_PRIVATE_EXPEDITED) { ON } else { OFF };
            let _ = STATE.compare_exchange(UNSETTLED, state, Ordering::Relaxed, Ordering::Relaxed);
        }
        is_on()
    }

    /// The rare side's fence, for both.
    ///
    /// # Panics
    /// If the kernel refuses both ways, of which one has worked before.
    pub(crate) fn heavy_fence() {
        fence(Ordering::SeqCst);
        if settle() && !membarrier(PRIVATE_EXPEDITED) {
            assert!(interrupt_all(), "the kernel refuses membarrier(2), which it has granted before, and mprotect(2)");
        }
        fence(Ordering::SeqCst);
    }

    /// A page of its own.
    #[repr(align(4096))]
    struct Page(UnsafeCell<[u8; 4096]>);

    // SAFETY: nobody reads it, and it is written under a lock.
    unsafe impl Sync for Page {}

    /// Interrupts each processor that runs a thread of this process: an interrupt is a full fence there.
    #[cold]
    fn interrupt_all() -> bool {
        static PAGE: Page = Page(UnsafeCell::new([0; 4096]));
        static LOCK: parking_lot::Mutex<()> = parking_lot::Mutex::new(());
        let _lock = LOCK.lock();
        let at = PAGE.0.get();
        // SAFETY: the page is this module's alone, a page long and aligned as one, and under the lock nobody else writes it;
        // it may be written when the calls are over, as before.
        unsafe {
            let protect = |rights| libc::mprotect(at.cast(), 4096, rights) == 0;
            // What was never written is nowhere, and taking it away interrupts nobody.
            at.cast::<u8>().write_volatile(1);
            protect(libc::PROT_READ) && protect(libc::PROT_READ | libc::PROT_WRITE)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn it_is_settled_once_and_there_is_another_way() {
            let first = settle();
            heavy_fence();
            assert_eq!(first, is_on());
            assert!(interrupt_all() && interrupt_all());
        }
    }
}

#[cfg(not(all(feature = "membarrier", target_os = "linux", target_arch = "x86_64", not(any(ringbus_loom, miri)))))]
mod form {
    use crate::sync::atomic::{Ordering, fence};

    #[inline(always)]
    pub(crate) const fn is_on() -> bool {
        false
    }

    #[cfg(not(ringbus_loom))]
    pub(crate) const fn settle() -> bool {
        false
    }

    pub(crate) fn heavy_fence() {
        fence(Ordering::SeqCst);
    }
}

#[cfg(not(ringbus_loom))]
pub(crate) use form::settle;
pub(crate) use form::{heavy_fence, is_on};
