//! Events whose payloads are Rust types.
//!
//! 1. [`registry`] knows the payload types of a program, and makes typed events of what comes from elsewhere.
//!
//! What a payload is, and how an event holds one, is the event room's.

mod registry;

pub use registry::{Registry, RegistryError, UnknownKinds};
