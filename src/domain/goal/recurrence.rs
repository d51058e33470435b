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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{calendar::days, time::FIRST_DATE};

    fn next(recurrence: Recurrence, last: &str, today: &str) -> Option<(String, String)> {
        let (last, today) = (last.parse().unwrap(), today.parse().unwrap());
        let period = recurrence.next_period(last, today)?;
        Some((period.start.to_string(), period.end.to_string()))
    }

    fn period(start: &str, end: &str) -> (String, String) {
        (start.to_owned(), end.to_owned())
    }

    #[test]
    fn the_next_period_begins_on_the_day_after() {
        let today = "2026-11-20";
        let day = next(Recurrence::Daily, "2026-11-20", today);
        assert_eq!(day, Some(period("2026-11-21", "2026-11-21")));
        let week = next(Recurrence::Weekly, "2026-11-22", today);
        assert_eq!(week, Some(period("2026-11-23", "2026-11-29")));
        let month = next(Recurrence::Monthly, "2028-01-31", today);
        assert_eq!(month, Some(period("2028-02-01", "2028-02-29")));
        // February has no 31st: it ends before its last day, as it would before its 31st.
        let month = next(Recurrence::Monthly, "2027-01-30", today);
        assert_eq!(month, Some(period("2027-01-31", "2027-02-27")));
    }

    #[test]
    fn periods_that_are_over_are_left_out() {
        let day = next(Recurrence::Daily, "2020-01-01", "2026-11-20");
        assert_eq!(day, Some(period("2026-11-20", "2026-11-20")));
        let month = next(Recurrence::Monthly, "2025-12-31", "2026-11-20");
        assert_eq!(month, Some(period("2026-11-01", "2026-11-30")));
    }

    #[test]
    fn nothing_recurs_beyond_the_last_date() {
        assert!(next(Recurrence::Daily, "2099-12-31", "2099-12-31").is_some());
        assert_eq!(next(Recurrence::Daily, "2100-01-01", "2099-12-31"), None);
        assert_eq!(next(Recurrence::Weekly, "2099-12-31", "2099-12-31"), None);
    }

    #[test]
    fn the_next_goal_has_always_the_same_id() {
        let id = GoalId(Uuid::from_u128(7));
        assert_eq!(next_id(id), next_id(id));
        assert_ne!(next_id(id), id);
        assert_ne!(next_id(next_id(id)), id);
        assert_eq!(next_id(id).0.get_version_num(), 8);
    }

    proptest! {
        #[test]
        fn the_next_period_is_the_first_of_a_row_that_is_not_over(
            offset in 0_i64..20_000,
            silence in -40_i64..1_000,
            recurrence in prop::sample::select(vec![
                Recurrence::Daily, Recurrence::Weekly, Recurrence::Monthly,
            ]),
        ) {
            let last = plus_days(FIRST_DATE, offset);
            let today = plus_days(last, silence);
            let found = recurrence.next_period(last, today).unwrap();
            prop_assert!(found.start > last && found.end >= today);
            prop_assert!(found.start == plus_days(last, 1) || found.contains(today));
            let length = days(found.start, found.end).count();
            match recurrence {
                Recurrence::Daily => prop_assert_eq!(length, 1),
                Recurrence::Weekly => {
                    prop_assert_eq!(length, 7);
                    let gap = found.start.signed_duration_since(last).num_days() - 1;
                    prop_assert_eq!(gap % 7, 0);
                }
                Recurrence::Monthly => prop_assert!((28..=31).contains(&length)),
            }
        }
    }
}
