//! What comes after a goal that recurs.

use chrono::{Months, NaiveDate};
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::{Goal, GoalStatus};
use crate::domain::{
    calendar::plus_days,
    ids::GoalId,
    period::DateRange,
    time::{LAST_DATE, Timestamp},
};

/// How long each period of a recurring goal is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Recurrence {
    /// One day.
    Daily,
    /// Seven days.
    Weekly,
    /// To the day before the same day of the next month, or before that month's last.
    Monthly,
}

impl Recurrence {
    /// The period that begins on `start`.
    fn period(self, start: NaiveDate) -> DateRange {
        let next = match self {
            Self::Daily => plus_days(start, 1),
            Self::Weekly => plus_days(start, 7),
            Self::Monthly => start.checked_add_months(Months::new(1)).unwrap_or(start),
        };
        let end = plus_days(next, -1);
        DateRange { start, end }
    }

    /// The first of the periods after `last` that is not over on `today`: after a long silence
    /// those in between are left out. `None` if it would go beyond the days that are kept.
    #[must_use]
    pub fn next_period(self, last: NaiveDate, today: NaiveDate) -> Option<DateRange> {
        let mut period = self.period(plus_days(last, 1));
        while period.end < today {
            period = self.period(plus_days(period.end, 1));
        }
        (period.end <= LAST_DATE).then_some(period)
    }
}

impl Goal {
    /// The goal of the next period, if it recurs and has ended. One that was abandoned has not.
    #[must_use]
    pub fn next(&self, today: NaiveDate, now: Timestamp) -> Option<Self> {
        let ended = matches!(self.status, GoalStatus::Completed | GoalStatus::Expired);
        let recurrence = self.details.recurrence.filter(|_| ended)?;
        let dates = recurrence.next_period(self.dates.end, today)?;
        let details = self.details.clone();
        Some(Self::new(
            next_id(self.id),
            self.user_id,
            details,
            dates,
            now,
        ))
    }
}

/// The id of the goal after this one, always the same, so that it is opened once: a UUID of
/// version 8 made of the SHA-256 of the id (RFC 9562, appendix B.2).
fn next_id(id: GoalId) -> GoalId {
    let mut hash = Sha256::new();
    hash.update(b"next goal\0");
    hash.update(id.0.as_bytes());
    let hash: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(hash.split_at(16).0);
    GoalId(Builder::from_custom_bytes(bytes).into_uuid())
}
