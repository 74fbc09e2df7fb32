//! What a round has found that must not be: any thread may note it, the first ones are told.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// So many are told.
const MOST: usize = 5;

/// See the [module](self).
#[derive(Default)]
pub struct Faults {
    list: Mutex<Vec<String>>,
    any: AtomicBool,
}

impl Faults {
    /// Something that must not be.
    pub fn note(&self, what: String) {
        self.any.store(true, Ordering::Relaxed);
        let mut list = self.list.lock();
        if list.len() < MOST {
            list.push(what);
        }
    }

    pub fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// The first faults.
    pub fn told(&self) -> Result<(), String> {
        let list = self.list.lock();
        if list.is_empty() { Ok(()) } else { Err(list.join("\n")) }
    }
}
