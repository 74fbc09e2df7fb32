//! `cargo bench --bench pairs`: each row beside its yardstick in alternating pairs, one line a row for the report.

mod common;
mod rows;

use std::process::ExitCode;

fn main() -> ExitCode {
    common::pairs::program(&rows::rows(), &rows::studies(), rows::fan::print_series)
}
