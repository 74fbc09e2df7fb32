//! Wall-clock times of events: microseconds since 1970, RFC 3339 for reading and writing.
//!
//! An event's time lies in the years 1970 to 9999 and keeps microseconds; what is finer is cut off. Any
//! other time a field may hold is displayed too, as `@seconds` relative to 1970.

use core::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last microsecond of the year 9999.
pub(super) const MAX_MICROS: u64 = 253_402_300_799_999_999;

/// The times that are allowed, in words.
pub(super) const ALLOWED: &str = "a time in the years 1970 to 9999";

/// `time` in microseconds since 1970, if it is allowed for an event.
pub(super) fn to_micros(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_micros()).ok().filter(|&micros| micros <= MAX_MICROS)
}

/// The time `micros` microseconds after 1970, at most [`MAX_MICROS`].
pub(super) fn from_micros(micros: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(micros)
}

/// `time` rounded down to a microsecond.
pub(crate) fn whole_micros(time: SystemTime) -> SystemTime {
    let rest = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.subsec_nanos() % 1000,
        Err(_) => 0,
    };
    time - Duration::from_nanos(rest.into())
}

/// Displays a time to the microsecond: `2026-11-21T03:32:44.123456Z`, or `@-1.500000` where RFC 3339 has no
/// year for it.
pub(super) struct Rfc3339(pub(super) SystemTime);

// === impl Rfc3339 ===

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if to_micros(self.0).is_some() {
            return write!(f, "{}", humantime::format_rfc3339_micros(self.0));
        }
        let (sign, distance) = match self.0.duration_since(UNIX_EPOCH) {
            Ok(after) => ("", after),
            Err(before) => ("-", before.duration()),
        };
        write!(f, "@{sign}{}.{:06}", distance.as_secs(), distance.subsec_micros())
    }
}

#[cfg(all(test, not(ringbus_loom)))]
mod tests {
    use super::*;

    fn shown(time: SystemTime) -> String {
        Rfc3339(time).to_string()
    }

    #[test]
    fn times_show_in_utc_to_the_microsecond() {
        assert_eq!(shown(UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
        let time = UNIX_EPOCH + Duration::new(1_795_231_964, 123_456_789);
        assert_eq!(shown(time), "2026-11-21T03:32:44.123456Z");
        assert_eq!(shown(from_micros(MAX_MICROS)), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn times_that_no_event_has_show_all_the_same() {
        assert_eq!(shown(UNIX_EPOCH - Duration::from_millis(1500)), "@-1.500000");
        assert_eq!(shown(from_micros(MAX_MICROS) + Duration::from_micros(1)), "@253402300800.000000");
    }

    #[test]
    fn micros_are_cut_off_and_bounded() {
        assert_eq!(to_micros(UNIX_EPOCH + Duration::from_nanos(1_999)), Some(1));
        assert_eq!(to_micros(UNIX_EPOCH - Duration::from_nanos(1)), None);
        let last = from_micros(MAX_MICROS);
        assert_eq!(to_micros(last), Some(MAX_MICROS));
        assert_eq!(to_micros(last + Duration::from_micros(1)), None);
    }
}
