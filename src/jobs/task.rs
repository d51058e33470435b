//! How a job goes, for whoever watches it.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::{domain::time::Timestamp, telemetry::count::Counter};

/// One job of this instance, since its start.
#[derive(Debug)]
pub struct Task {
    pub name: &'static str,
    /// Runs that did what they had to.
    pub done: Counter,
    /// Runs that failed.
    pub failed: Counter,
    /// What all runs together did: sessions ended, rows forgotten.
    pub items: Counter,
    /// In microseconds since the epoch; 0 is never.
    last_success: AtomicI64,
}

impl Task {
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            done: Counter::default(),
            failed: Counter::default(),
            items: Counter::default(),
            last_success: AtomicI64::new(0),
        }
    }

    /// It did so much, and is done at `now`.
    pub fn succeeded(&self, items: usize, now: Timestamp) {
        self.done.add(1);
        self.items.add(u64::try_from(items).unwrap_or(u64::MAX));
        self.last_success.store(now.micros(), Ordering::Relaxed);
    }

    /// When it was last done, in seconds since the epoch.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds of this century are exact"
    )]
    pub fn last_success(&self) -> Option<f64> {
        let micros = self.last_success.load(Ordering::Relaxed);
        (micros != 0).then(|| micros as f64 / 1e6)
    }
}
