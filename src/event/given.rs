//! [`Given`]: what a batch has taken, on its way to be recorded with its chunk: it gets id and time then.

use super::{Blanks, Draft, Event, EventId, Kind, Payload};
use crate::sync::clock::Reading;
use crate::sync::rows::Visit;

/// An event, or what will be one; no public interface.
#[doc(hidden)]
pub enum Given {
    /// One that has its id and time.
    Event(Event),
    /// One that holds a value.
    Draft(Draft),
}

impl Given {
    /// What is to be an event of a kind that has been claimed for `T`.
    pub(crate) fn draft<T: Payload>(kind: Kind, payload: T, blanks: &mut Blanks) -> Self {
        let mut draft = blanks.draft(kind);
        draft.inner().hold(payload);
        Self::Draft(draft)
    }

    /// The event, as of `now` if it has no time yet.
    #[inline]
    pub(crate) fn finish(self, visit: &Visit, now: &Reading) -> Event {
        match self {
            Self::Event(event) => event,
            Self::Draft(mut draft) => {
                draft.inner().inherit();
                draft.finish_as(EventId::next_on(visit), now.raw, now.wall_us)
            }
        }
    }
}
