//! The events of a process-control monitor, whose kinds are theirs in one process, and handlers that tests look into.

use std::sync::{Arc, Mutex};

use ringbus::{Bus, EventOf, Payload, Subscription};
use tokio::sync::Semaphore;

#[derive(Payload, Clone, Debug, PartialEq)]
#[payload(kind = "typed_system.sample.processed", validate = SampleProcessed::check)]
pub struct SampleProcessed {
    pub characteristic: u64,
    pub mean: f64,
    pub values: Vec<f64>,
}

#[derive(Payload, Clone, Debug, PartialEq)]
#[payload(kind = "typed_system.violation.created")]
pub struct ViolationCreated {
    pub id: u64,
    pub characteristic: u64,
    pub rule: String,
}

#[derive(Payload, Clone, Debug, PartialEq)]
#[payload(kind = "typed_system.violation.acknowledged")]
pub struct ViolationAcknowledged {
    pub id: u64,
    pub by: String,
}

#[derive(Payload, Clone, Debug, PartialEq)]
#[payload(kind = "typed_system.limits.updated")]
pub struct ControlLimitsUpdated {
    pub characteristic: u64,
    pub lower: f64,
    pub upper: f64,
}

#[derive(Payload, Clone, Debug, PartialEq)]
#[payload(kind = "typed_system.characteristic.created")]
pub struct CharacteristicCreated {
    pub characteristic: u64,
    pub name: String,
}

#[derive(Payload, Clone, Debug, PartialEq)]
#[payload(kind = "typed_system.characteristic.updated")]
pub struct CharacteristicUpdated {
    pub characteristic: u64,
    pub name: String,
}

#[derive(Payload, Clone, Debug, PartialEq)]
#[payload(kind = "typed_system.characteristic.deleted")]
pub struct CharacteristicDeleted {
    pub characteristic: u64,
}

#[derive(Payload, Clone, Debug, PartialEq)]
#[payload(kind = "typed_system.alert.exceeded")]
pub struct AlertThresholdExceeded {
    pub characteristic: u64,
    pub violations: u64,
}

impl SampleProcessed {
    fn check(&self) -> Result<(), &'static str> {
        if self.mean.is_finite() { Ok(()) } else { Err("the mean is not finite") }
    }
}

pub fn sample(mean: f64) -> SampleProcessed {
    SampleProcessed { characteristic: 7, mean, values: vec![mean, mean] }
}

pub fn violation(id: u64) -> ViolationCreated {
    ViolationCreated { id, characteristic: 7, rule: "beyond 3 sigma".into() }
}

/// A list, and a handler that writes into it.
pub fn list<T: Clone + Send + 'static>() -> (Arc<Mutex<Vec<T>>>, impl Fn(&T) + Clone + Send + Sync + 'static) {
    let list = Arc::new(Mutex::new(Vec::new()));
    let write = Arc::clone(&list);
    (list, move |item: &T| write.lock().unwrap().push(item.clone()))
}

/// An async handler that goes on when it may, and then says so.
pub fn held(bus: &Bus) -> (Arc<Semaphore>, Arc<Mutex<Vec<u64>>>, Subscription) {
    let (may, done) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (wait, write) = (Arc::clone(&may), Arc::clone(&done));
    let handler = move |violation: EventOf<ViolationCreated>| {
        let (wait, write) = (Arc::clone(&wait), Arc::clone(&write));
        async move {
            wait.acquire().await.unwrap().forget();
            write.lock().unwrap().push(violation.id);
        }
    };
    let guard = bus.on_payload::<ViolationCreated>().unwrap().named("held").in_tokio().unwrap().subscribe(handler);
    (may, done, guard.unwrap())
}
