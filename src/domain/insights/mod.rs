//! What a user's sessions add up to.
//!
//! Each figure is defined once. All of them share one definition of a practised day,
//! [`practice::PracticeDay::is_practised`]. A session counts for the local day of its start
//! alone, by the tenant's calendar of that time, however long it went on; only its seconds are
//! spread over the days that it touched.

pub mod calendar;
pub mod frequency;
pub mod practice;
pub mod statistics;
pub mod streak;
pub mod subjects;

use chrono::NaiveDate;

use super::{calendar::plus_days, period::DateRange};

/// So many local days, up to and with today.
#[must_use]
pub fn last_days(today: NaiveDate, days: u16) -> DateRange {
    DateRange {
        start: plus_days(today, 1 - i64::from(days)),
        end: today,
    }
}
