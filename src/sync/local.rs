//! Thread-locals in models: over one of loom's, which would drop several in a random order.
//!
//! loom keeps a thread's values in a hash map and drops them as that gives them out: another order in each run of a
//! model, so what a run repeats of the one before it is not what it was, and loom explores orders that cannot be, or
//! stops at an assertion of its own. Here they are dropped last made first, as the platform's are; while they are, none
//! of them can be had any more, as with loom's own.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// One thread's values, each with the address of its key, in the order in which they were made.
struct Values(RefCell<Vec<(usize, Rc<dyn Any>)>>);

loom::thread_local! { static VALUES: Values = Values(RefCell::new(Vec::new())); }

/// A value of each thread's own, made when the thread first asks for it.
pub(crate) struct LocalKey<T: 'static> {
    make: fn() -> T,
}

/// The thread has dropped its values, or is dropping them.
#[derive(Debug)]
pub(crate) struct AccessError;

/// std's `thread_local!` with constant initialisers, over [`LocalKey`].
macro_rules! thread_local_twin {
    ($($(#[$meta:meta])* $vis:vis static $name:ident: $type:ty = const $init:block;)*) => {
        $($(#[$meta])* $vis static $name: $crate::sync::LocalKey<$type> = $crate::sync::LocalKey::new(|| $init);)*
    };
}
pub(crate) use thread_local_twin;

// === impl LocalKey ===

impl<T: 'static> LocalKey<T> {
    pub(crate) const fn new(make: fn() -> T) -> Self {
        Self { make }
    }

    pub(crate) fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.try_with(f).expect("a thread's values are gone")
    }

    pub(crate) fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let value = VALUES.try_with(|values| values.of(self)).map_err(|_| AccessError)?;
        Ok(f(value.downcast_ref().expect("a key has values of its own type")))
    }
}

// === impl Values ===

impl Values {
    fn of<T: 'static>(&self, key: &'static LocalKey<T>) -> Rc<dyn Any> {
        let address = core::ptr::from_ref(key).addr();
        let made = self.0.borrow().iter().find(|(of, _)| *of == address).map(|(_, value)| Rc::clone(value));
        made.unwrap_or_else(|| {
            // Outside the borrow: making a value may ask for another one.
            let value: Rc<dyn Any> = Rc::new((key.make)());
            self.0.borrow_mut().push((address, Rc::clone(&value)));
            value
        })
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        while let Some(value) = self.0.get_mut().pop() {
            drop(value);
        }
    }
}
