//! A user's sessions by day.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::domain::{
    period::DateRange,
    session::{Session, SessionView},
    settings::TenantSettings,
    time::Timestamp,
    usage::open_seconds,
};

/// One day of a calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CalendarDay {
    pub date: NaiveDate,
    /// Sessions that started on it, open ones too.
    pub started: i64,
    /// Of them, the completed ones.
    pub completed: i64,
    /// The day's own seconds, counted when sessions end.
    pub active_seconds: i64,
}

/// The days of `range` at `now` on which a session started or time was spent, oldest first: a
/// stay over midnight shows on both of its days. `stored` are such days, and `open` the
/// sessions stored as open, whose time counts as soon as they are over.
#[must_use]
pub fn calendar_days(
    stored: Vec<CalendarDay>,
    open: &[Session],
    settings: &TenantSettings,
    range: DateRange,
    now: Timestamp,
) -> Vec<CalendarDay> {
    let mut days: BTreeMap<_, _> = stored.into_iter().map(|day| (day.date, day)).collect();
    for (date, seconds) in open_seconds(open, settings, range, false, now) {
        let day = days.entry(date).or_insert(CalendarDay {
            date,
            started: 0,
            completed: 0,
            active_seconds: 0,
        });
        day.active_seconds = day.active_seconds.saturating_add(seconds);
    }
    days.retain(|_, day| day.started > 0 || day.active_seconds > 0);
    days.into_values().collect()
}

/// Sessions by the day of their start; in the order in which they come.
#[must_use]
pub fn by_start_date(sessions: Vec<SessionView>) -> BTreeMap<NaiveDate, Vec<SessionView>> {
    let mut by_day: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for view in sessions {
        let day = by_day.entry(view.session.start_date).or_default();
        day.push(view);
    }
    by_day
}
