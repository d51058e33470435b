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
    let mut row = 0;
    for day in days.iter().filter(|day| day.is_practised()) {
        let goes_on = streak
            .last_date
            .is_some_and(|last| calendar.follows(last, day.date));
        row = if goes_on { row + 1 } else { 1 };
        streak.longest = streak.longest.max(row);
        streak.last_date = Some(day.date);
    }
    if let Some(last) = streak.last_date {
        streak.done_today = last >= today;
        if streak.done_today || calendar.follows(last, today) {
            streak.current = row;
        }
    }
    streak
}
