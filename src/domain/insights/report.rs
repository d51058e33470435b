//! A user's day, week or month on one page.
//!
//! Each figure is the one that the other insights tell of the same days: time is that of a
//! calendar's days, sessions are the completed ones of the key figures, and the rest is what the
//! metrics are made of. So the days of a period add up to its sums.

use chrono::NaiveDate;

use super::{
    calendar::{CalendarDay, calendar_days},
    effort::Effort,
    figures::Figures,
    performance::Performance,
    practice::{PracticeDay, PracticeTotals},
    streak::streak,
};
use crate::domain::{
    calendar::{days, plus_days},
    hundredths::Hundredths,
    period::DateRange,
    session::Session,
    settings::TenantSettings,
    time::Timestamp,
};

/// What is known of a user and a period.
#[derive(Clone, PartialEq, Debug)]
pub struct ReportBasis {
    pub settings: TenantSettings,
    /// The period.
    pub range: DateRange,
    /// All days ever on which sessions started that are stored as ended, oldest first.
    pub history: Vec<PracticeDay>,
    /// The days of the period that are stored.
    pub days: Vec<CalendarDay>,
    /// What is stored of the period.
    pub effort: Effort,
    /// The sessions stored as open, in no order.
    pub open: Vec<Session>,
    /// Of the period, which is its last one.
    pub performance: Performance,
}

/// A period's key figures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// All days' seconds, as in a calendar.
    pub active_seconds: i64,
    /// Days of the period that have begun.
    pub begun_days: i64,
    /// Days of them with a completed session.
    pub practised_days: i64,
    /// Of ended sessions that started in the period.
    pub totals: PracticeTotals,
    pub effort: Effort,
    /// What the metrics are computed from.
    pub figures: Figures,
    /// As it stood when the last day of the period was over, or as it stands now.
    pub streak_days: i64,
    /// Whether every day that has begun is a practised one.
    pub streak_maintained: bool,
}

impl Summary {
    /// Whole minutes of all days together.
    #[must_use]
    pub const fn minutes(&self) -> i64 {
        self.active_seconds / 60
    }

    /// Mean length of a completed session in minutes; 0 without any.
    #[must_use]
    pub fn average_session_minutes(&self) -> Hundredths {
        mean_minutes(self.totals.completed_seconds, self.totals.completed)
    }

    /// Mean minutes of the days that have begun.
    #[must_use]
    pub fn average_daily_minutes(&self) -> Hundredths {
        mean_minutes(self.active_seconds, self.begun_days)
    }

    /// 0 to 100; `None` without a rating.
    #[must_use]
    pub fn productivity(&self) -> Option<Hundredths> {
        self.effort.productivity(self.figures.tally.active_seconds)
    }
}

fn mean_minutes(seconds: i64, count: i64) -> Hundredths {
    let mean = Hundredths::mean(seconds.saturating_mul(100), count.saturating_mul(60));
    mean.unwrap_or_default()
}

/// A period on one page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserReport {
    pub range: DateRange,
    /// All of the period, oldest first.
    pub days: Vec<CalendarDay>,
    pub summary: Summary,
}

/// The report of a period at `now`.
#[must_use]
pub fn user_report(basis: &ReportBasis, now: Timestamp) -> UserReport {
    let (range, settings) = (basis.range, &basis.settings);
    let today = settings.calendar.date_of(now);
    let stored = basis.days.clone();
    let used = calendar_days(stored, &basis.open, settings, range, now);
    let mut used = used.into_iter().peekable();
    let days: Vec<_> = days(range.start, range.end)
        .map(|date| {
            let found = used.next_if(|day| day.date == date);
            found.unwrap_or_else(|| CalendarDay::empty(date))
        })
        .collect();
    let mut totals = PracticeTotals::default();
    for day in basis.history.iter().filter(|day| range.contains(day.date)) {
        totals.add(&day.totals);
    }
    let mut effort = basis.effort;
    for session in &basis.open {
        let session = session.clone().view(settings, now).session;
        if range.contains(session.start_date) {
            totals.add(&PracticeTotals::of(&session));
        }
        let added = Effort::of_session(&session, settings, now).into_iter();
        for (_, more) in added.filter(|(date, _)| range.contains(*date)) {
            effort += more;
        }
    }
    let period = basis.performance.periods.last();
    let summary = Summary {
        active_seconds: days.iter().map(|day| day.active_seconds).sum(),
        begun_days: range.days_until(today),
        practised_days: practised(&basis.history, range)
            .count()
            .try_into()
            .unwrap_or(0),
        totals,
        effort,
        figures: period.map_or_else(Figures::default, |period| period.figures(today)),
        streak_days: streak_at_end(basis, today),
        streak_maintained: is_maintained(basis, today),
    };
    UserReport {
        range,
        days,
        summary,
    }
}

fn practised(history: &[PracticeDay], range: DateRange) -> impl Iterator<Item = NaiveDate> {
    let practised = history.iter().filter(|day| day.is_practised());
    let dates = practised.map(|day| day.date);
    dates.filter(move |date| range.contains(*date))
}

/// The streak as it stood on the first instant after the period, or as it stands today.
fn streak_at_end(basis: &ReportBasis, today: NaiveDate) -> i64 {
    let end = basis.range.end;
    let known = basis.history.partition_point(|day| day.date <= end);
    let history = basis.history.get(..known).unwrap_or_default();
    let day_after = plus_days(end, 1);
    streak(history, &basis.settings.calendar, day_after.min(today)).current
}

/// Whether every day of the period so far is a practised one. A date that the time zone skipped
/// is no day.
fn is_maintained(basis: &ReportBasis, today: NaiveDate) -> bool {
    let range = basis.range;
    let begun = DateRange {
        end: range.end.min(today),
        ..range
    };
    let calendar = &basis.settings.calendar;
    let mut practised = practised(&basis.history, begun).peekable();
    let is_any = practised.peek().is_some();
    let mut days = days(begun.start, begun.end);
    is_any && days.all(|date| practised.next_if_eq(&date).is_some() || !calendar.has(date))
}

#[cfg(test)]
mod tests;
