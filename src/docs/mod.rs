//! Chapters: how to use the crate, what it promises, and how its parts order their memory.
//!
//! There is no code here.

pub mod orderings;
pub mod patterns;
pub mod promises;
