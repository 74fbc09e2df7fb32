//! `cargo xtask deny`: cargo-deny on what we depend on, by `deny.toml`: licences, duplicate versions, sources.
//!
//! Not its advisories: their database lies outside of the registries, and a check that needs the network at large
//! cannot be part of a test.

use crate::context::{Context, run as command};
use crate::tools;

pub(crate) fn run(context: &Context) -> Result<(), String> {
    command(&mut tools::DENY.cargo(context, "deny --all-features check licenses bans sources")?)
}
