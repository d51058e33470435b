//! On which days and at what hours a user practises.

use chrono::{Datelike, NaiveDate, NaiveTime};

use crate::domain::{calendar::Calendar, session::Session, time::Timestamp};

/// Microseconds of a quarter of an hour. The local hours of every zone begin with one.
const QUARTER: i64 = 15 * 60 * 1_000_000;

/// When completed sessions started, to the quarter of an hour.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PracticeTime {
    /// The local day of the start, by the calendar of that time.
    pub date: NaiveDate,
    /// Quarters of an hour from midnight UTC of that day; negative where the day began before
    /// it. It names an instant, also on a day that has an hour twice.
    pub quarter: i16,
}

impl PracticeTime {
    /// When the session started.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let since = session.started_at.micros() - midnight(session.start_date).micros();
        Self {
            date: session.start_date,
            // Offsets lie within a day of UTC, so this is some -100 to 200.
            quarter: i16::try_from(since.div_euclid(QUARTER)).unwrap_or(0),
        }
    }

    /// The beginning of the quarter.
    fn instant(self) -> Timestamp {
        let since = i64::from(self.quarter) * QUARTER;
        Timestamp::from_micros(midnight(self.date).micros() + since)
    }
}

fn midnight(date: NaiveDate) -> Timestamp {
    date.and_time(NaiveTime::MIN).and_utc().into()
}

/// Completed sessions of one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DayFrequency {
    pub date: NaiveDate,
    pub sessions: i64,
}

/// How often a user practised.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frequency {
    /// The practised days, oldest first.
    pub days: Vec<DayFrequency>,
    /// Completed sessions by weekday, from Monday, and local hour of the start.
    pub weekday_hours: [[i64; 24]; 7],
}

/// How often completed sessions started at these times, oldest day first.
#[must_use]
pub fn frequency(starts: &[(PracticeTime, i64)], calendar: &Calendar) -> Frequency {
    let mut frequency = Frequency::default();
    for (time, sessions) in starts {
        match frequency.days.last_mut() {
            Some(day) if day.date == time.date => day.sessions += sessions,
            _ => frequency.days.push(DayFrequency {
                date: time.date,
                sessions: *sessions,
            }),
        }
        let weekday = time.date.weekday().num_days_from_monday() as usize;
        let hour = calendar.hour_of(time.instant()) as usize;
        let hours = frequency.weekday_hours.get_mut(weekday);
        if let Some(count) = hours.and_then(|hours| hours.get_mut(hour)) {
            *count += sessions;
        }
    }
    frequency
}
