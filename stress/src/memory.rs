//! How large the process is, and whether it grew: for the promise that memory is bounded (P9).

/// A growth that says nothing: the allocator's arenas, stacks, tables that fill up once.
pub const SLACK_KIB: u64 = 2048;

/// Resident size in KiB; `None` where the system does not tell.
pub fn resident_kib() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    // Pages of 4 KiB: so it is on x86-64; where they are larger, growth is told too small, never too large.
    Some(pages * 4)
}

/// Sizes at so many events.
#[derive(Debug, Default)]
pub struct Samples {
    taken: Vec<(u64, u64)>,
}

impl Samples {
    /// Notes the size at `events`.
    pub fn take(&mut self, events: u64) {
        self.taken.extend(resident_kib().map(|size| (events, size)));
    }

    /// For people.
    pub fn line(&self) -> String {
        let each: Vec<String> = self.taken.iter().map(|(events, size)| format!("{size} KiB at {events}")).collect();
        if each.is_empty() { "this system does not tell the resident size".to_owned() } else { each.join(", ") }
    }

    /// Whether the last is larger than the first by more than [`SLACK_KIB`].
    pub fn grown(&self) -> Result<(), String> {
        self.grown_beyond(SLACK_KIB)
    }

    /// The same, by more than `slack` KiB.
    pub fn grown_beyond(&self, slack: u64) -> Result<(), String> {
        let (Some(first), Some(last)) = (self.taken.first(), self.taken.last()) else { return Ok(()) };
        if last.1 > first.1 + slack {
            return Err(format!("P9: the process grew by more than {slack} KiB: {}", self.line()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_beyond_the_slack_is_told() {
        let samples = |last| Samples { taken: vec![(100, 5000), (1000, 9000), (2000, last)] };
        assert_eq!(samples(5000 + SLACK_KIB).grown(), Ok(()));
        let told = samples(5001 + SLACK_KIB).grown().unwrap_err();
        assert!(told.contains("5000 KiB at 100") && told.contains("at 2000"), "{told}");
        assert_eq!((samples(6000).grown_beyond(1000), samples(6001).grown_beyond(1000).is_err()), (Ok(()), true));
    }

    #[test]
    fn memory_that_is_touched_is_seen() {
        let Some(before) = resident_kib() else { return };
        let touched = std::hint::black_box(vec![1_u8; 32 << 20]);
        let after = resident_kib().unwrap_or_default();
        assert!(after > before + 16 * 1024, "{before} then {after} for {} bytes", touched.len());
    }
}
