//! once_cell's `race::OnceBox`, each operation between two steps.

use super::between;

/// See the [module](super).
pub(crate) struct OnceBox<T>(once_cell::race::OnceBox<T>);

impl<T> OnceBox<T> {
    pub(crate) const fn new() -> Self {
        Self(once_cell::race::OnceBox::new())
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        between("once.get", "once.done", || self.0.get())
    }

    pub(crate) fn set(&self, value: Box<T>) -> Result<(), Box<T>> {
        between("once.set", "once.done", || self.0.set(value))
    }

    /// As once_cell's: looks, makes a value, and keeps the one that came first.
    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> Box<T>) -> &T {
        match self.get() {
            Some(value) => value,
            None => {
                let _ = self.set(make());
                // Set by now, by us or by another thread: nothing is made.
                self.0.get_or_init(|| unreachable!("a cell that was just set is empty"))
            }
        }
    }
}
