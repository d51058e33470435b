//! One thing done within a session.

use std::sync::Arc;

use serde::Serialize;

use super::{
    fingerprint::Fingerprint,
    hundredths::Hundredths,
    ids::{ActivityId, SessionId, UserId},
    time::Timestamp,
};

/// What was done, as the caller tells it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ActivityDetails {
    pub activity_type: String,
    pub content_type: String,
    pub content_id: String,
    pub items_completed: i64,
    /// At most `items_completed`.
    pub items_correct: i64,
    /// A JSON object in its canonical text.
    pub metadata: Option<Arc<str>>,
}

/// One thing done within a session.
#[derive(Clone, PartialEq, Debug)]
pub struct Activity {
    pub id: ActivityId,
    pub session_id: SessionId,
    pub user_id: UserId,
    pub details: ActivityDetails,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub points_earned: i64,
    /// Of the request that made it, if the caller chose its id.
    pub fingerprint: Option<Fingerprint>,
    pub created_at: Timestamp,
}

impl ActivityDetails {
    /// `100 * items_correct / items_completed` in hundredths of a percent, a half rounded up;
    /// `None` with no items.
    #[must_use]
    pub fn accuracy(&self) -> Option<Hundredths> {
        Hundredths::percent(self.items_correct, self.items_completed)
    }
}
