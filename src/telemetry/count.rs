//! Numbers that many may raise at once: nobody waits for a lock, and nothing is allocated.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Seconds that calls and what they are made of take: the bounds of OpenTelemetry's conventions,
/// and below them those that most of our calls are within.
pub const SECONDS: &[f64] = &[
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0,
    2.5, 5.0, 7.5, 10.0,
];

/// How many of one thing there were.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many values there were up to each of some bounds, and their sum.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One more than there are bounds, for what is above all of them.
    counts: Box<[Counter]>,
    /// In millionths.
    sum: Counter,
}

impl Histogram {
    /// Of values with these upper bounds, which are in order.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: (0..=bounds.len()).map(|_| Counter::default()).collect(),
            sum: Counter::default(),
        }
    }

    /// Counts a time, to the microsecond.
    pub fn time(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.count(time.as_secs_f64(), micros);
    }

    /// Counts a number of things.
    pub fn number(&self, number: u32) {
        self.count(number.into(), u64::from(number) * 1_000_000);
    }

    fn count(&self, value: f64, millionths: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.add(1);
        }
        self.sum.add(millionths);
    }

    /// Each upper bound, the last of which is infinite, with how many values are below it and
    /// above the one before.
    #[must_use]
    pub fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().map(Counter::get)).collect()
    }

    /// How many values there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().map(Counter::get).sum()
    }

    /// The sum of all values.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "exact up to 285 years of microseconds"
    )]
    pub fn sum(&self) -> f64 {
        self.sum.get() as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOUNDS: &[f64] = &[1.0, 2.0, 5.0];

    #[test]
    fn a_value_at_a_bound_is_below_it() {
        let histogram = Histogram::new(BOUNDS);
        for number in [0, 1, 2, 3, 5, 6, 1_000] {
            histogram.number(number);
        }
        let expected = [(1.0, 2), (2.0, 1), (5.0, 2), (f64::INFINITY, 2)];
        assert_eq!(histogram.buckets(), expected);
        assert!((histogram.sum() - 1_017.0).abs() < 1e-9);
    }

    #[test]
    fn bounds_are_in_order() {
        assert!(SECONDS.is_sorted());
    }

    proptest! {
        #[test]
        fn times_are_counted_as_they_are_sorted(micros in prop::collection::vec(0..20_000_000_u64, 0..50)) {
            let histogram = Histogram::new(SECONDS);
            for micros in &micros {
                histogram.time(Duration::from_micros(*micros));
            }
            let mut below = 0;
            for (bound, count) in histogram.buckets() {
                below += count;
                let times = micros.iter().map(|micros| Duration::from_micros(*micros));
                let expected = times.filter(|time| time.as_secs_f64() <= bound).count();
                prop_assert_eq!(below, u64::try_from(expected).unwrap());
            }
            prop_assert_eq!(histogram.sum.get(), micros.iter().sum::<u64>());
        }
    }
}
