//! How long something took, in buckets.

use std::time::Duration;

use super::Counter;

/// The upper bounds of the buckets, in microseconds. Behind them is one without a bound.
const BOUNDS_MICROS: [u64; 12] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000,
    30_000_000,
];

/// How often something took how long.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [Counter; BOUNDS_MICROS.len() + 1],
    sum_micros: Counter,
}

/// What a histogram has counted, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Counted {
    /// Each bucket's upper bound in seconds, and what is in it alone.
    pub(super) buckets: Vec<(f64, u64)>,
    /// In seconds.
    pub(super) sum: f64,
    pub(super) count: u64,
}

impl Histogram {
    /// Counts something that took so long.
    pub fn observe(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_MICROS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.one();
        }
        self.sum_micros.add(micros);
    }

    pub(super) fn counted(&self) -> Counted {
        let bounds = BOUNDS_MICROS.map(|micros| Duration::from_micros(micros).as_secs_f64());
        let bounds = bounds.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(self.buckets.iter().map(Counter::get)).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_micros(self.sum_micros.get()).as_secs_f64();
        Counted { buckets, sum, count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_exactly_a_bound_is_within_it() {
        let histogram = Histogram::default();
        for micros in [0, 500, 501, 30_000_000, 30_000_001, u64::MAX / 4] {
            histogram.observe(Duration::from_micros(micros));
        }
        let Counted { buckets, sum, count } = histogram.counted();
        let filled: Vec<_> = buckets.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(0.0005, 2), (0.001, 1), (30.0, 1), (f64::INFINITY, 2)]);
        assert_eq!(count, 6);
        assert!(sum > 60.0);
    }
}
