//! Chapters: what the crate promises, and how its parts order their memory.
//!
//! There is no code here.

pub mod promises {
    //! to be written
}

pub mod orderings {
    //! to be written
}
