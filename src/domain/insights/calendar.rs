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

impl CalendarDay {
    /// A day on which nothing was done.
    #[must_use]
    pub const fn empty(date: NaiveDate) -> Self {
        Self {
            date,
            started: 0,
            completed: 0,
            active_seconds: 0,
        }
    }
}

/// The days of `range` at `now` on which a session started or time was spent, oldest first: a
/// stay over midnight shows on both of its days. `stored` are the user's days, and `open` the
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
        let day = days.entry(date).or_insert(CalendarDay::empty(date));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        ids::{SessionId, UserId},
        session::SessionContext,
    };

    fn entry(date: &str, started: i64, active_seconds: i64) -> CalendarDay {
        CalendarDay {
            date: date.parse().unwrap(),
            started,
            completed: 0,
            active_seconds,
        }
    }

    /// An hour from half an hour before midnight on, of which nobody has told the end.
    fn open(settings: &TenantSettings) -> Session {
        let context = SessionContext {
            session_type: "normal".to_owned(),
            client_type: "web".to_owned(),
            client_info: String::new(),
            ip_address: None,
            subject: None,
            focus_mode: false,
            location: String::new(),
            metadata: None,
        };
        let start = Timestamp::from_micros(1_795_217_400_000_000);
        let (id, user) = (SessionId(Uuid::nil()), UserId(Uuid::nil()));
        let mut session = Session::start(id, user, context, settings, start);
        session.touch(start + Duration::from_hours(1));
        session
    }

    #[test]
    fn the_time_of_a_session_counts_on_its_days_once_it_is_over() {
        let settings = TenantSettings::default();
        let session = open(&settings);
        let range = DateRange {
            start: "2026-11-20".parse().unwrap(),
            end: "2026-11-30".parse().unwrap(),
        };
        let days_at = |range, minutes| {
            let stored = vec![entry("2026-11-20", 1, 60)];
            let now = session.started_at + Duration::from_mins(minutes);
            calendar_days(
                stored,
                std::slice::from_ref(&session),
                &settings,
                range,
                now,
            )
        };
        assert_eq!(days_at(range, 89), [entry("2026-11-20", 1, 60)]);
        let both = [entry("2026-11-20", 1, 1_860), entry("2026-11-21", 0, 1_800)];
        assert_eq!(days_at(range, 90), both);
        let first = DateRange {
            end: range.start,
            ..range
        };
        assert_eq!(days_at(first, 90), [entry("2026-11-20", 1, 1_860)]);
    }

    #[test]
    fn a_day_without_sessions_and_time_is_left_out() {
        let settings = TenantSettings::default();
        let stored = vec![
            entry("2026-11-18", 0, 0),
            entry("2026-11-19", 0, 1),
            entry("2026-11-20", 1, 0),
        ];
        let found = calendar_days(
            stored,
            &[],
            &settings,
            DateRange::ALL,
            Timestamp::from_micros(0),
        );
        assert_eq!(
            found,
            [entry("2026-11-19", 0, 1), entry("2026-11-20", 1, 0)]
        );
    }
}
