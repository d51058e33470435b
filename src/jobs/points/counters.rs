//! How delivery goes, for whoever watches it.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use crate::domain::time::Timestamp;

/// Kept by one instance since its start.
#[derive(Debug, Default)]
pub struct Counters {
    pub(super) delivered: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) set_aside: AtomicU64,
    /// When the oldest award that waits was earned, in microseconds since the epoch; 0 is none.
    oldest: AtomicI64,
}

/// The counters at one time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// Awards that were delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Awards that were given up.
    pub set_aside: u64,
    /// How long ago the oldest award of all instances was earned that still waits, as last
    /// looked at.
    pub oldest_pending: Option<Duration>,
}

impl Counters {
    /// What they say at `now`.
    #[must_use]
    pub fn figures(&self, now: Timestamp) -> Figures {
        let oldest = match self.oldest.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(now.since(Timestamp::from_micros(micros))),
        };
        Figures {
            delivered: self.delivered.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            set_aside: self.set_aside.load(Ordering::Relaxed),
            oldest_pending: oldest,
        }
    }

    pub(super) fn set_oldest(&self, oldest: Option<Timestamp>) {
        let micros = oldest.map_or(0, Timestamp::micros);
        self.oldest.store(micros, Ordering::Relaxed);
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
