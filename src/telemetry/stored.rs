//! What the database knows of the whole: asked now and then, and not at each scrape.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use crate::store::{Error, Store};

/// How often it is asked.
pub const INTERVAL: Duration = Duration::from_secs(30);
/// Before it was asked.
const UNKNOWN: i64 = -1;

/// As it was when it was last asked, of all tenants and instances.
#[derive(Debug)]
pub struct Stored {
    open_sessions: AtomicI64,
    pending_points: AtomicI64,
}

impl Default for Stored {
    fn default() -> Self {
        Self {
            open_sessions: AtomicI64::new(UNKNOWN),
            pending_points: AtomicI64::new(UNKNOWN),
        }
    }
}

impl Stored {
    /// Asks the database and returns how many rows it counted.
    ///
    /// # Errors
    /// What the store says. Then it is as it was.
    pub async fn look(&self, store: &dyn Store) -> Result<usize, Error> {
        let totals = store.count_rows().await?;
        let (sessions, points) = (totals.open_sessions, totals.pending_points);
        self.open_sessions.store(sessions, Ordering::Relaxed);
        self.pending_points.store(points, Ordering::Relaxed);
        Ok(usize::try_from(sessions + points).unwrap_or(0))
    }

    /// Sessions that are stored as open: those that are over count until the sweep has been there.
    #[must_use]
    pub fn open_sessions(&self) -> Option<i64> {
        known(&self.open_sessions)
    }

    /// Awards that are neither delivered nor set aside.
    #[must_use]
    pub fn pending_points(&self) -> Option<i64> {
        known(&self.pending_points)
    }
}

fn known(number: &AtomicI64) -> Option<i64> {
    let number = number.load(Ordering::Relaxed);
    (number != UNKNOWN).then_some(number)
}
