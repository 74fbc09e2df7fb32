//! The yardstick: an event bus as people write it by hand, with two locks.
//!
//! It knows no patterns, no counters and no isolation: each handler gets every event, and one that panics unwinds into
//! the publisher.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use ringbus::Value;
use uuid::Uuid;

/// An event of the port.
#[derive(Debug)]
pub struct PortEvent {
    pub id: Uuid,
    pub kind: &'static str,
    pub source: &'static str,
    pub timestamp: SystemTime,
    pub fields: Vec<(&'static str, Value)>,
}

type Handler = Arc<dyn Fn(&PortEvent) + Send + Sync>;

/// A locked list of the last events, and a locked list of handlers that is cloned for each publish.
pub struct LockedPort {
    capacity: usize,
    history: Mutex<VecDeque<Arc<PortEvent>>>,
    handlers: Mutex<Vec<Handler>>,
}

// === impl LockedPort ===

impl LockedPort {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, history: Mutex::default(), handlers: Mutex::default() }
    }

    pub fn subscribe(&self, handler: impl Fn(&PortEvent) + Send + Sync + 'static) {
        self.handlers.lock().expect("no handler panics").push(Arc::new(handler));
    }

    /// Removes the handler that came last.
    pub fn unsubscribe_last(&self) {
        let last = self.handlers.lock().expect("no handler panics").pop();
        drop(last);
    }

    pub fn publish(
        &self,
        kind: &'static str,
        source: &'static str,
        fields: Vec<(&'static str, Value)>,
    ) -> Arc<PortEvent> {
        let event = Arc::new(PortEvent { id: Uuid::new_v4(), kind, source, timestamp: SystemTime::now(), fields });
        {
            let mut history = self.history.lock().expect("no handler panics");
            if history.len() == self.capacity {
                history.pop_front();
            }
            history.push_back(Arc::clone(&event));
        }
        let handlers = self.handlers.lock().expect("no handler panics").clone();
        for handler in &handlers {
            handler(&event);
        }
        event
    }

    /// The last events, newest first.
    pub fn recent(&self, limit: usize) -> Vec<Arc<PortEvent>> {
        self.history.lock().expect("no handler panics").iter().rev().take(limit).cloned().collect()
    }
}
