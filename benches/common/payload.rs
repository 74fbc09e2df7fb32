//! The event that all publish: a kind, a source, and three fields.

use ringbus::Value;

pub const KIND: &str = "terminal.error";
pub const SOURCE: &str = "daemon";
pub const COLUMN: i32 = 7;
pub const FATAL: bool = true;

/// How many events a history keeps, ours and rivals'.
pub const HISTORY: usize = 500;

/// The fields, for who takes them as a list.
#[inline]
pub fn fields(line: u64) -> Vec<(&'static str, Value)> {
    vec![("line", Value::from(line)), ("column", Value::from(COLUMN)), ("fatal", Value::from(FATAL))]
}

/// The fields, for who takes a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telemetry {
    pub line: u64,
    pub column: i32,
    pub fatal: bool,
}

impl Telemetry {
    #[inline]
    pub fn new(line: u64) -> Self {
        Self { line, column: COLUMN, fatal: FATAL }
    }
}
