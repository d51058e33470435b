//! How the lanes are doing, for whoever watches them.

use std::time::Duration;

use super::Failure;
use crate::telemetry::count::{Counter, Histogram, SECONDS};

/// Writes in a batch; the last bound is the most that there are.
const SIZES: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
/// What becomes of a transaction.
const OUTCOMES: [&str; 5] = [
    "committed",
    "contention",
    "unavailable",
    "refused",
    "in_doubt",
];

/// Of all lanes of this instance, since its start.
#[derive(Debug)]
pub struct Counters {
    /// Writes that there was no room for.
    pub refused: Counter,
    /// How long writes waited for their batch.
    pub waits: Histogram,
    /// How many writes batches had.
    pub sizes: Histogram,
    transactions: [Histogram; OUTCOMES.len()],
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            refused: Counter::default(),
            waits: Histogram::new(SECONDS),
            sizes: Histogram::new(SIZES),
            transactions: [SECONDS; OUTCOMES.len()].map(Histogram::new),
        }
    }
}

impl Counters {
    /// A transaction took so long.
    pub fn tried(&self, result: &Result<(), Failure>, time: Duration) {
        let outcome = match result {
            Ok(()) => 0,
            Err(Failure::Contention) => 1,
            Err(Failure::Unavailable(_)) => 2,
            Err(Failure::Refused(_)) => 3,
            Err(Failure::InDoubt(_)) => 4,
        };
        if let Some(times) = self.transactions.get(outcome) {
            times.time(time);
        }
    }

    /// How long transactions took, by what became of them.
    pub fn transactions(&self) -> impl Iterator<Item = (&'static str, &Histogram)> {
        OUTCOMES.into_iter().zip(&self.transactions)
    }
}
