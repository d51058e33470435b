//! Whether the service serves, for whoever sends it calls.

use std::sync::atomic::{AtomicBool, Ordering};

/// Known to health, to `/readyz` and to the metrics.
#[derive(Debug)]
pub struct Readiness {
    database: AtomicBool,
    stopping: AtomicBool,
}

impl Default for Readiness {
    /// A service that begins has just opened its database.
    fn default() -> Self {
        Self {
            database: AtomicBool::new(true),
            stopping: AtomicBool::new(false),
        }
    }
}

impl Readiness {
    /// Whether the database answers, and returns what it was before.
    pub fn set_database(&self, answers: bool) -> bool {
        self.database.swap(answers, Ordering::Relaxed)
    }

    /// Nothing new is to be sent here from now on.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the database answered when it was last asked.
    #[must_use]
    pub fn database(&self) -> bool {
        self.database.load(Ordering::Relaxed)
    }

    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("shutting down");
        }
        if !self.database() {
            return Err("the database does not answer");
        }
        Ok(())
    }
}
