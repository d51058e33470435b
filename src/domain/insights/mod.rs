//! What a user's sessions add up to.
//!
//! Each figure is defined once. All of them share one definition of a practised day,
//! [`practice::PracticeDay::is_practised`]. A session counts for the local day of its start
//! alone, by the tenant's calendar of that time, however long it went on; only its seconds are
//! spread over the days that it touched.
//!
//! When and how much was done is [`statistics`], [`streak`], [`calendar`], [`frequency`] and
//! [`subjects`], all from what [`practice`] keeps. How well it was done is the rest:
//!
//! - [`recent`]: what the sessions of some time said: scores, topics, words; [`stats`] are their
//!   statistics, of what is kept of each day.
//! - [`tally`]: what sessions and activities add to a day; [`figures`] are the metrics of a
//!   period, made of it, and [`performance`] is what is asked of them.
//! - [`trend`], [`cohort`] and [`advice`] judge metrics: against an earlier period, against the
//!   tenant's other users, and in words. [`compare`] lays figures side by side.
//!
//! [`report`] puts both on one page for a day, a week or a month; only it tells of [`effort`],
//! and [`highlights`] says what was remarkable.

pub mod advice;
pub mod calendar;
pub mod cohort;
pub mod compare;
pub mod effort;
pub mod figures;
pub mod frequency;
pub mod highlights;
pub mod performance;
pub mod practice;
pub mod recent;
pub mod report;
pub mod statistics;
pub mod stats;
pub mod streak;
pub mod subjects;
pub mod tally;
pub mod trend;

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
