//! The bus beside a plain reference with one lock: proptest drives both alike, and compares.
//!
//! 1. [`operations`] says what can be done, and [`strategies`] make it up.
//! 2. [`bus`] is the reference, and [`face`] the face that both buses show.
//! 3. [`drive`] does the same to both, one thing after the other, where everything must be equal.
//! 4. [`concurrent`] has threads run small programs on the real one, and checks what must hold in any order.
#![cfg(not(ringbus_loom))]

mod bus;
mod concurrent;
mod drive;
mod face;
mod operations;
mod strategies;

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};

proptest! {
    #![proptest_config(config(3))]

    #[test]
    fn both_buses_do_the_same(options in strategies::options(), operations in strategies::operations()) {
        drive::compare(&options, &operations);
    }
}

/// As many cases as proptest is told to run (256, or `PROPTEST_CASES`), divided; failures are kept beside this file.
fn config(divided_by: u32) -> Config {
    drive::silence_planned_panics();
    let mut config = Config::default();
    config.cases = (config.cases / divided_by).max(1);
    config.failure_persistence = Some(Box::new(FileFailurePersistence::Direct("tests/reference/regressions")));
    config
}
