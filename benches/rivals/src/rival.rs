//! What the program knows of a rival: its name, its rows, and what it does less than ringbus.

use crate::common::row::RowMaker;

/// Another library, or a way to do without one.
pub struct Rival {
    pub name: &'static str,
    /// What it does not do, or does with less; one line each. Whoever compares the figures should know.
    pub does_not: &'static [&'static str],
    pub rows: &'static [RowMaker],
}
