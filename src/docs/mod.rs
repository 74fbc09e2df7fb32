//! Chapters: what the crate promises, and how its parts order their memory.
//!
//! There is no code here.

pub mod orderings;
pub mod promises;
