//! Days, ISO weeks and months.

use chrono::{Datelike, NaiveDate};

use super::calendar::plus_days;

/// How long a period is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Granularity {
    Day,
    /// From Monday.
    Week,
    Month,
}

/// Days from `start` to `end`, both included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DateRange {
    pub start: NaiveDate,
    pub end: NaiveDate,
}

impl DateRange {
    /// Every day that a session can have started on: the time zone may move the first instant
    /// that is kept to the day before, and the last one to the day after.
    pub const ALL: Self = Self {
        start: NaiveDate::from_ymd_opt(1999, 12, 31).unwrap(),
        end: NaiveDate::from_ymd_opt(2100, 1, 2).unwrap(),
    };

    #[must_use]
    pub fn contains(&self, date: NaiveDate) -> bool {
        self.start <= date && date <= self.end
    }

    /// Its periods, oldest first; the first and the last are cut off where it begins and ends.
    #[must_use]
    pub fn periods(&self, granularity: Granularity) -> Vec<Self> {
        let mut periods = Vec::new();
        let mut start = self.start;
        while start <= self.end {
            let end = granularity.last_day(start).min(self.end);
            periods.push(Self { start, end });
            start = plus_days(end, 1);
        }
        periods
    }
}

impl Granularity {
    /// The last day of the period that holds `date`.
    fn last_day(self, date: NaiveDate) -> NaiveDate {
        match self {
            Self::Day => date,
            Self::Week => plus_days(date, 6 - i64::from(date.weekday().num_days_from_monday())),
            Self::Month => {
                let days = i64::from(date.num_days_in_month());
                plus_days(date, days - i64::from(date.day()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{calendar::days, time::FIRST_DATE};

    fn range(start: &str, end: &str) -> DateRange {
        DateRange {
            start: start.parse().unwrap(),
            end: end.parse().unwrap(),
        }
    }

    #[test]
    fn weeks_begin_on_monday_and_are_cut_off_at_both_ends() {
        // 2026-12-31 is a Thursday.
        assert_eq!(
            range("2026-12-31", "2027-01-12").periods(Granularity::Week),
            [
                range("2026-12-31", "2027-01-03"),
                range("2027-01-04", "2027-01-10"),
                range("2027-01-11", "2027-01-12"),
            ]
        );
    }

    #[test]
    fn months_know_leap_years() {
        assert_eq!(
            range("2028-01-31", "2028-03-01").periods(Granularity::Month),
            [
                range("2028-01-31", "2028-01-31"),
                range("2028-02-01", "2028-02-29"),
                range("2028-03-01", "2028-03-01"),
            ]
        );
    }

    proptest! {
        #[test]
        fn periods_hold_each_day_once(
            offset in 0_i64..30_000,
            length in 0_i64..1_100,
            granularity in prop::sample::select(vec![
                Granularity::Day, Granularity::Week, Granularity::Month,
            ]),
        ) {
            let start = plus_days(FIRST_DATE, offset);
            let whole = DateRange { start, end: plus_days(start, length) };
            let all: Vec<_> = whole
                .periods(granularity)
                .iter()
                .flat_map(|part| days(part.start, part.end))
                .collect();
            prop_assert_eq!(all, days(whole.start, whole.end).collect::<Vec<_>>());
        }
    }
}
