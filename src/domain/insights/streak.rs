//! Practised days in a row.

use chrono::NaiveDate;

use super::practice::PracticeDay;
use crate::domain::calendar::Calendar;

/// Practised days in a row, now and ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Streak {
    /// Days of the row that holds today or, as long as today is not over, yesterday.
    pub current: i64,
    /// Days of the longest row.
    pub longest: i64,
    /// The last practised day.
    pub last_date: Option<NaiveDate>,
    pub done_today: bool,
}

impl Streak {
    /// Whether it is lost at the end of today unless a session is completed.
    #[must_use]
    pub const fn is_at_risk(&self) -> bool {
        self.current > 0 && !self.done_today
    }
}

/// The streak of these days, oldest first; those that were not practised do not count.
///
/// A day after today, which a change to a zone further west leaves behind, counts as today.
#[must_use]
pub fn streak(days: &[PracticeDay], calendar: &Calendar, today: NaiveDate) -> Streak {
    let mut streak = Streak::default();
    let practised = days.iter().filter(|day| day.is_practised());
    for (date, row) in rows(practised.map(|day| day.date), calendar) {
        streak.longest = streak.longest.max(row);
        streak.last_date = Some(date);
        streak.current = row;
    }
    if let Some(last) = streak.last_date {
        streak.done_today = last >= today;
        if !goes_on(last, calendar, today) {
            streak.current = 0;
        }
    }
    streak
}

/// Each of the days, oldest first, and how many of them in a row end with it.
pub fn rows(
    days: impl IntoIterator<Item = NaiveDate>,
    calendar: &Calendar,
) -> impl Iterator<Item = (NaiveDate, i64)> {
    days.into_iter().scan(None, |before, date| {
        let row = match *before {
            Some((last, row)) if calendar.follows(last, date) => row + 1,
            _ => 1,
        };
        *before = Some((date, row));
        *before
    })
}

/// Whether a row of which `last` is the last day can be gone on with `today`, or was already.
#[must_use]
pub fn goes_on(last: NaiveDate, calendar: &Calendar, today: NaiveDate) -> bool {
    last >= today || calendar.follows(last, today)
}
