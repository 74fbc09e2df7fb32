//! `cargo xtask verify`: all that shows the crate to be right, the part included that takes hours.
//!
//! Promises the same as `test`, and installs what it needs beside Rust. What a machine cannot do (Miri, where it is not
//! installed) is passed over, and the table says so.

use crate::End;
use crate::context::{Context, run as command};
use crate::step::Step;
use crate::{deny, fuzz, miri, mutate, sanitize, stress, suite, survivors};

pub(crate) const STEPS: &[Step] = &[
    Step::new("test", "all steps of `cargo xtask test`", test),
    Step::new("deny", "licences, duplicate versions, sources", deny::run),
    Step::new("models", "each known way to break a protocol makes its model fail", models),
    Step::new("cases", "the reference bus, with twenty times as many cases", cases),
    Step::new("stress", "10^8 events with delays at any atomic step; queues ten times as long", stress::long),
    Step::new("sanitize", "the stress under two sanitizers, planted faults caught", sanitize::both),
    Step::new("fuzz", "each fuzz target, 60 seconds", fuzz::all),
    Step::new("mutants", "each mutant of the files in .cargo/mutants*.toml is noticed by a test", survivors::all),
    Step::new("miri", "unit tests and promises under Miri", miri::run).where_installed(miri::installed),
];

fn failed(end: End) -> Result<(), String> {
    match end {
        End::Good => Ok(()),
        End::Failed(why) | End::Usage(why) => Err(why),
    }
}

fn test(context: &Context) -> Result<(), String> {
    failed(crate::step::run(suite::STEPS, &[], context)).map_err(|_| "see the table above".to_owned())
}

fn models(context: &Context) -> Result<(), String> {
    failed(mutate::run(context, None, mutate::DEFAULT_LIMIT))
}

fn cases(context: &Context) -> Result<(), String> {
    let mut cargo = context.cargo("test --release --features derive,serde,inject --test reference");
    command(cargo.env("PROPTEST_CASES", "5000"))
}
