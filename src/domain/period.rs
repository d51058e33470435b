//! Days, ISO weeks and months.

use std::iter;

use chrono::{Datelike, NaiveDate, Weekday};

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

    /// How many days it has up to `today`, as later ones have not begun.
    #[must_use]
    pub fn days_until(&self, today: NaiveDate) -> i64 {
        let last = self.end.min(today);
        (last.signed_duration_since(self.start).num_days() + 1).max(0)
    }

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
    /// The whole period that holds `date`.
    #[must_use]
    pub fn holding(self, date: NaiveDate) -> DateRange {
        let back = match self {
            Self::Day => 0,
            Self::Week => date.weekday().num_days_from_monday(),
            Self::Month => date.day0(),
        };
        DateRange {
            start: plus_days(date, -i64::from(back)),
            end: self.last_day(date),
        }
    }

    /// The last `count` periods, oldest first, of which the last one holds `date`.
    #[must_use]
    pub fn last(self, count: usize, date: NaiveDate) -> Vec<DateRange> {
        let newest = self.holding(date);
        let older = |later: &DateRange| Some(self.holding(plus_days(later.start, -1)));
        let mut periods: Vec<_> = iter::successors(Some(newest), older).take(count).collect();
        periods.reverse();
        periods
    }

    /// What one of its periods is called: `2026-11-20`, `2026-W47` or `2026-11`. A week is its
    /// ISO year's.
    #[must_use]
    pub fn label(self, period: DateRange) -> String {
        let start = period.start;
        match self {
            Self::Day => start.to_string(),
            Self::Week => {
                let week = start.iso_week();
                format!("{:04}-W{:02}", week.year(), week.week())
            }
            Self::Month => format!("{:04}-{:02}", start.year(), start.month()),
        }
    }

    /// The period that [`Granularity::label`] calls so, to the letter; `None` if there is none.
    #[must_use]
    pub fn labelled(self, label: &str) -> Option<DateRange> {
        let date = match self {
            Self::Day => label.parse().ok(),
            Self::Week => {
                let (year, week) = label.split_once("-W")?;
                NaiveDate::from_isoywd_opt(year.parse().ok()?, week.parse().ok()?, Weekday::Mon)
            }
            Self::Month => {
                let (year, month) = label.split_once('-')?;
                NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1)
            }
        };
        let period = self.holding(date?);
        (self.label(period) == label).then_some(period)
    }

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

    #[test]
    fn labels_are_those_of_the_iso_year() {
        let label = |granularity: Granularity, date: &str| {
            granularity.label(granularity.holding(date.parse().unwrap()))
        };
        assert_eq!(label(Granularity::Day, "2026-11-20"), "2026-11-20");
        assert_eq!(label(Granularity::Week, "2026-11-20"), "2026-W47");
        assert_eq!(label(Granularity::Month, "2026-11-20"), "2026-11");
        // A Friday of the year before's last week, and a Tuesday of the next year's first.
        assert_eq!(label(Granularity::Week, "2027-01-01"), "2026-W53");
        assert_eq!(label(Granularity::Week, "2024-12-31"), "2025-W01");
    }

    #[test]
    fn a_label_is_read_to_the_letter() {
        let week = |label| Granularity::Week.labelled(label);
        assert_eq!(week("2026-W53"), Some(range("2026-12-28", "2027-01-03")));
        assert_eq!(week("2026-W01"), Some(range("2025-12-29", "2026-01-04")));
        for wrong in [
            "2025-W53",
            "2026-W54",
            "2026-W00",
            "2026-W1",
            "2026-W001",
            "2026W47",
            "2026-w47",
            "2026-47",
            "+2026-W47",
            " 2026-W47",
            "2026-W47 ",
            "2026-W+7",
            "26-W47",
            "2026-W",
            "-W47",
            "",
        ] {
            assert_eq!(week(wrong), None, "{wrong:?}");
        }
        let month = |label| Granularity::Month.labelled(label);
        assert_eq!(month("2028-02"), Some(range("2028-02-01", "2028-02-29")));
        for wrong in [
            "2026-13",
            "2026-00",
            "2026-1",
            "2026-011",
            "2026-11-01",
            "202611",
            "",
        ] {
            assert_eq!(month(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn days_that_have_not_begun_are_not_counted() {
        let month = range("2026-02-01", "2026-02-28");
        let until = |today: &str| month.days_until(today.parse().unwrap());
        assert_eq!(until("2026-03-05"), 28);
        assert_eq!(until("2026-02-28"), 28);
        assert_eq!(until("2026-02-01"), 1);
        assert_eq!(until("2026-01-15"), 0);
    }

    proptest! {
        #[test]
        fn the_last_periods_end_with_the_one_that_holds_the_date(
            offset in 0_i64..30_000,
            count in 1_usize..=60,
            granularity in prop::sample::select(vec![
                Granularity::Day, Granularity::Week, Granularity::Month,
            ]),
        ) {
            let date = plus_days(FIRST_DATE, offset);
            let last = granularity.last(count, date);
            prop_assert_eq!(last.len(), count);
            let (first, newest) = (last.first().unwrap(), last.last().unwrap());
            let whole = DateRange { start: first.start, end: newest.end };
            prop_assert!(newest.contains(date));
            // They are what the whole of them is divided into.
            prop_assert_eq!(whole.periods(granularity), last);
        }

        #[test]
        fn a_period_is_found_by_its_label(
            offset in 0_i64..30_000,
            granularity in prop::sample::select(vec![
                Granularity::Day, Granularity::Week, Granularity::Month,
            ]),
        ) {
            let period = granularity.holding(plus_days(FIRST_DATE, offset));
            prop_assert_eq!(granularity.labelled(&granularity.label(period)), Some(period));
        }

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
