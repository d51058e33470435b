//! A user's key figures.

use super::{
    last_days,
    practice::{PracticeDay, PracticeTotals},
    streak::{Streak, streak},
};
use crate::domain::{
    period::DateRange, session::Session, settings::TenantSettings, time::Timestamp,
};

/// Local days that count as recent, today included.
const RECENT_DAYS: u16 = 30;

impl PracticeTotals {
    /// Time of the completed sessions, in hours.
    #[must_use]
    pub fn hours(&self) -> f64 {
        float(self.completed_seconds) / 3_600.0
    }

    /// Mean length of a completed session in minutes; 0 without any.
    #[must_use]
    pub fn average_minutes(&self) -> f64 {
        if self.completed == 0 {
            return 0.0;
        }
        float(self.completed_seconds) / float(self.completed) / 60.0
    }

    /// Completed of all ended sessions, 0 to 100, rounded to two decimals; 0 without any.
    #[must_use]
    pub fn completion_percentage(&self) -> f64 {
        if self.ended == 0 {
            return 0.0;
        }
        (float(self.completed) / float(self.ended) * 10_000.0).round() / 100.0
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a quotient is shown, and counts stay below 2^53"
)]
const fn float(count: i64) -> f64 {
    count as f64
}

/// A user's key figures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserStatistics {
    /// Of the range that was asked for.
    pub totals: PracticeTotals,
    /// Whatever the range.
    pub streak: Streak,
    /// Completed sessions that started on one of the last 30 local days, today included,
    /// whatever the range.
    pub recent_sessions: i64,
}

/// The figures of `range` at `now`, of all days with ended sessions, oldest first, and the
/// sessions stored as open, of which those that are over by now have ended.
#[must_use]
pub fn user_statistics(
    days: &[PracticeDay],
    open: &[Session],
    settings: &TenantSettings,
    range: DateRange,
    now: Timestamp,
) -> UserStatistics {
    let today = settings.calendar.date_of(now);
    let recent = last_days(today, RECENT_DAYS);
    let mut totals = PracticeTotals::default();
    let mut recent_sessions = 0_i64;
    for day in days {
        if range.contains(day.date) {
            totals.add(&day.totals);
        }
        if recent.contains(day.date) {
            recent_sessions = recent_sessions.saturating_add(day.totals.completed);
        }
    }
    for session in open {
        if range.contains(session.start_date) {
            let view = session.clone().view(settings, now);
            totals.add(&PracticeTotals::of(&view.session));
        }
    }
    UserStatistics {
        totals,
        streak: streak(days, &settings.calendar, today),
        recent_sessions,
    }
}
