//! A record for rings: loom watches its contents, and it counts the clones made of it in its own, relaxed way.

use loom::sync::atomic::AtomicUsize;
use ringbus::__models::Counted;

use super::watched::Watched;

pub(crate) struct Payload {
    pub(crate) ticket: u64,
    contents: Watched,
    pub(crate) clones: AtomicUsize,
}

impl Payload {
    /// Its contents, as whoever has it in hand without a clone sees them.
    pub(crate) fn look(&self) -> u32 {
        self.contents.read()
    }
}

/// Its contents are its ticket and 100.
pub(crate) fn payload(ticket: u64) -> Payload {
    let contents = Watched::new(u32::try_from(ticket).unwrap() + 100);
    Payload { ticket, contents, clones: AtomicUsize::new(0) }
}

/// Reads a record as its handlers would.
pub(crate) fn contents(record: &Counted<Payload>) -> u32 {
    record.0.contents.read()
}

/// Does with an evicted record what recycling does: the last holder writes it anew.
pub(crate) fn recycle(mut record: Counted<Payload>) -> Option<u64> {
    let alone = loom::sync::Arc::get_mut(&mut record).map(|record| {
        record.0.contents.write(0);
        record.0.ticket
    });
    alone
}
