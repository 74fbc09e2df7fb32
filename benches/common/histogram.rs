//! [`Histogram`]: how often what time was measured, in buckets that grow with the time.
//!
//! A quantile is the upper end of its bucket: never too low, and at most 1/32 too high. The maximum is exact.

/// Each power of two has this many buckets, and so does what lies below the first of them.
const FINE: u64 = 1 << FINE_BITS;
const FINE_BITS: u32 = 5;

/// Enough for any number of 64 bits.
const BUCKETS: usize = bucket(u64::MAX) + 1;

/// Times, in nanoseconds or whatever.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Vec<u64>,
    samples: u64,
    max: u64,
}

// === the buckets ===

/// The bucket of a time.
pub const fn bucket(time: u64) -> usize {
    if time < FINE {
        return time as usize;
    }
    let shift = time.ilog2() - FINE_BITS;
    (((shift as u64) << FINE_BITS) + (time >> shift)) as usize
}

/// The highest time in a bucket.
pub const fn upper_end(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < FINE {
        return bucket;
    }
    let shift = (bucket >> FINE_BITS) - 1;
    let lowest = (bucket % FINE + FINE) << shift;
    lowest + ((1 << shift) - 1)
}

// === impl Histogram ===

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], samples: 0, max: 0 }
    }
}

impl Histogram {
    #[inline]
    pub fn add(&mut self, time: u64) {
        self.buckets[bucket(time)] += 1;
        self.samples += 1;
        self.max = self.max.max(time);
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.samples += other.samples;
        self.max = self.max.max(other.max);
    }

    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// The highest time; 0 if there was none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// What `part` (0 to 1) of the times did not exceed.
    pub fn quantile(&self, part: f64) -> u64 {
        let wanted = ((self.samples as f64 * part).ceil() as u64).max(1);
        let mut found = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            found += count;
            if found >= wanted {
                return upper_end(bucket).min(self.max);
            }
        }
        self.max
    }
}
