//! `UnsafeCell` with loom's face, so that a model sees every access and reports a race.

#[cfg(ringbus_loom)]
pub(crate) use loom::cell::UnsafeCell;

/// core's cell behind closures.
#[cfg(not(ringbus_loom))]
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

#[cfg(not(ringbus_loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner()
    }

    /// Hands out the pointer for reading; whether it may be followed is the caller's to show.
    #[inline]
    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    /// Hands out the pointer for writing; whether it may be followed is the caller's to show.
    #[inline]
    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}
