//! One event to many handlers.

use super::sides::{LOCKED_PORT, Ours, Port, RINGBUS};
use crate::common::lines;
use crate::common::pairs::Measured;
use crate::common::row::{Row, RowMaker};

pub const ROWS: &[RowMaker] = &[
    RowMaker { id: "fan-1", make: || fan("fan-1", "full event, 1 handler", 1) },
    RowMaker { id: "fan-2", make: || fan("fan-2", "full event, 2 handlers", 2) },
    RowMaker { id: "fan-4", make: || fan("fan-4", "full event, 4 handlers", 4) },
    RowMaker { id: "fan-8", make: || fan("fan-8", "full event, 8 handlers", 8) },
    RowMaker { id: "fan-16", make: || fan("fan-16", "full event, 16 handlers", 16) },
    RowMaker { id: "fan-64", make: || fan("fan-64", "full event, 64 handlers", 64) },
];

fn fan(id: &'static str, what: &'static str, handlers: usize) -> Row {
    Row::pair(id, what, Ours::new(handlers).side(RINGBUS, 1), Port::new(handlers).side(1))
}

/// The plot: nanoseconds an event by the number of handlers.
pub fn print_series(measured: &[Measured]) {
    for row in measured {
        let handlers = row.id.strip_prefix("fan-").and_then(|handlers| handlers.parse().ok());
        let (Some(handlers), Some(yardstick)) = (handlers, row.yardstick) else { continue };
        println!("{}", lines::series("fan-out", RINGBUS, handlers, row.ours.median));
        println!("{}", lines::series("fan-out", LOCKED_PORT, handlers, yardstick.median));
    }
}
