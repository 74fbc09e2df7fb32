//! Chapters: how to use the crate and how to test with it, what it promises, what shows that, and how its parts order their
//! memory.
//!
//! There is no code here.

pub mod orderings;
pub mod patterns;
pub mod promises;
pub mod proof;
pub mod testing;
pub mod tour;

/// What stands in the README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
