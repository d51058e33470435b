//! What a user's sessions add up to.
//!
//! Each figure is defined once. All of them share one definition of a practised day,
//! [`PracticeDay::is_practised`]. A session counts for the local day of its start alone, by the
//! tenant's calendar of that time, however long it went on; only its seconds are spread over
//! the days that it touched.

pub mod calendar;
pub mod frequency;
pub mod statistics;
pub mod streak;
pub mod subjects;

#[cfg(test)]
mod practice_tests;

use chrono::NaiveDate;

use super::{
    calendar::{plus_days, seconds},
    period::DateRange,
    session::{CompletionStatus, Session},
};

/// Sums over ended sessions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PracticeTotals {
    /// However they ended. Those that ended by themselves, were revoked or made room are
    /// neither completed nor partial nor abandoned: nobody said what got done.
    pub ended: i64,
    pub completed: i64,
    pub partial: i64,
    pub abandoned: i64,
    /// Of the completed ones.
    pub completed_seconds: i64,
}

impl PracticeTotals {
    /// What one session adds; nothing while it is open.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let Some(ended_at) = session.ended_at() else {
            return Self::default();
        };
        let one_if = |status| i64::from(session.review.completion == Some(status));
        let completed = one_if(CompletionStatus::Completed);
        Self {
            ended: 1,
            completed,
            partial: one_if(CompletionStatus::Partial),
            abandoned: one_if(CompletionStatus::Abandoned),
            completed_seconds: completed * seconds(session.duration(ended_at)),
        }
    }

    pub fn add(&mut self, other: &Self) {
        let sums = [
            (&mut self.ended, other.ended),
            (&mut self.completed, other.completed),
            (&mut self.partial, other.partial),
            (&mut self.abandoned, other.abandoned),
            (&mut self.completed_seconds, other.completed_seconds),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
    }
}

/// The ended sessions that started on one local day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PracticeDay {
    pub date: NaiveDate,
    pub totals: PracticeTotals,
}

impl PracticeDay {
    /// Whether a session started on it that was COMPLETED. Streaks, calendars, frequency,
    /// reports and goals all mean this by a practised day.
    #[must_use]
    pub const fn is_practised(&self) -> bool {
        self.totals.completed > 0
    }
}

/// So many local days, up to and with today.
#[must_use]
pub fn last_days(today: NaiveDate, days: u16) -> DateRange {
    DateRange {
        start: plus_days(today, 1 - i64::from(days)),
        end: today,
    }
}
