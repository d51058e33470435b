//! Which local day an instant belongs to, and how a stay falls on several of them.

use std::{collections::BTreeMap, time::Duration};

use chrono::{LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// A stretch of time, its end excluded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Span {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Span {
    /// Its length; zero if the end is not after the start.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.end.since(self.start)
    }
}

/// A time zone and the instant from which a tenant uses it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Era {
    since: Timestamp,
    zone: Tz,
}

/// The days of a tenant: its time zone, and the ones it had before.
///
/// A new zone counts from the start of the local day on which it was set, so earlier days
/// stay what they were.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Calendar {
    /// The zone before `later` begins.
    first: Tz,
    /// Ascending.
    later: Vec<Era>,
}

impl Calendar {
    /// One zone for all time.
    #[must_use]
    pub const fn of(zone: Tz) -> Self {
        Self {
            first: zone,
            later: Vec::new(),
        }
    }

    /// From the pairs that [`Calendar::changes`] gave, in ascending order.
    #[must_use]
    pub fn with_changes(first: Tz, changes: impl IntoIterator<Item = (Timestamp, Tz)>) -> Self {
        let later = changes
            .into_iter()
            .map(|(since, zone)| Era { since, zone })
            .collect();
        Self { first, later }
    }

    /// The zone before any change.
    #[must_use]
    pub const fn first_zone(&self) -> Tz {
        self.first
    }

    /// The changes since then, oldest first.
    pub fn changes(&self) -> impl Iterator<Item = (Timestamp, Tz)> {
        self.later.iter().map(|era| (era.since, era.zone))
    }

    /// The zone in force now.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.later.last().map_or(self.first, |era| era.zone)
    }

    /// Uses `zone` from the start of its local day that holds `now`.
    pub fn change_zone(&mut self, zone: Tz, now: Timestamp) {
        let since = day_start(zone, local_day(zone, now));
        self.later.retain(|era| era.since < since);
        if self.zone() != zone {
            self.later.push(Era { since, zone });
        }
    }

    /// The local day that `time` belongs to.
    #[must_use]
    pub fn date_of(&self, time: Timestamp) -> NaiveDate {
        local_day(self.zone_at(time), time)
    }

    /// The first instant of a local day, by the zone now in force.
    #[must_use]
    pub fn day_start(&self, date: NaiveDate) -> Timestamp {
        day_start(self.zone(), date)
    }

    /// Whole seconds of `spans` on each local day, oldest first.
    ///
    /// The parts add up to the whole seconds of all spans together: what is cut off one day
    /// by rounding down counts for the next.
    #[must_use]
    pub fn split(&self, spans: &[Span]) -> Vec<(NaiveDate, i64)> {
        let mut by_day: BTreeMap<NaiveDate, Duration> = BTreeMap::new();
        for span in spans {
            let mut at = span.start;
            while at < span.end {
                let until = self.next_boundary(at).min(span.end);
                *by_day.entry(self.date_of(at)).or_default() += until.since(at);
                at = until;
            }
        }
        let mut whole = Duration::ZERO;
        by_day
            .into_iter()
            .map(|(date, part)| {
                let before = whole.as_secs();
                whole += part;
                (date, seconds(whole) - i64::try_from(before).unwrap_or(0))
            })
            .collect()
    }

    fn zone_at(&self, time: Timestamp) -> Tz {
        let era = self.later.iter().rev().find(|era| era.since <= time);
        era.map_or(self.first, |era| era.zone)
    }

    /// The first instant after `time` at which a day or an era begins.
    fn next_boundary(&self, time: Timestamp) -> Timestamp {
        let zone = self.zone_at(time);
        let mut day = local_day(zone, time);
        let next_day = loop {
            let Some(next) = day.succ_opt() else {
                break Timestamp::from_micros(i64::MAX);
            };
            let start = day_start(zone, next);
            if start > time {
                break start;
            }
            day = next;
        };
        let next_era = self.later.iter().find(|era| era.since > time);
        next_era.map_or(next_day, |era| era.since.min(next_day))
    }
}

/// Whole seconds of a span, rounded down.
#[must_use]
pub fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

/// The day by the clock on the wall, except that a clock set back over midnight does not go
/// back to the day before.
fn local_day(zone: Tz, time: Timestamp) -> NaiveDate {
    let date = time.to_utc().with_timezone(&zone).date_naive();
    match date.succ_opt() {
        Some(next) if day_start(zone, next) <= time => next,
        _ => date,
    }
}

/// The first instant at which the clock on the wall shows `date`.
fn day_start(zone: Tz, date: NaiveDate) -> Timestamp {
    let midnight = date.and_time(NaiveTime::MIN);
    match zone.from_local_datetime(&midnight) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => time.to_utc().into(),
        LocalResult::None => end_of_gap(zone, midnight),
    }
}

/// Where the clock skips midnight, the day begins at the instant of the skip: the first whose
/// local time is past it. Found by bisection, as offsets lie within a day of UTC.
fn end_of_gap(zone: Tz, midnight: NaiveDateTime) -> Timestamp {
    let day = Duration::from_hours(24);
    let utc = Timestamp::from(midnight.and_utc());
    let (mut before, mut after) = (utc.before(day), utc + day);
    while after.since(before) > Duration::from_secs(1) {
        let middle = before + after.since(before) / 2;
        let middle = Timestamp::from_micros(middle.micros() / 1_000_000 * 1_000_000);
        if middle.to_utc().with_timezone(&zone).naive_local() < midnight {
            before = middle;
        } else {
            after = middle;
        }
    }
    after
}

/// The days from `start` to `end`, both included.
pub fn days(start: NaiveDate, end: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    start.iter_days().take_while(move |day| *day <= end)
}

/// `date` and so many days, or chrono's own limits.
#[must_use]
pub fn plus_days(date: NaiveDate, days: i64) -> NaiveDate {
    TimeDelta::try_days(days)
        .and_then(|delta| date.checked_add_signed(delta))
        .unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        chrono::DateTime::parse_from_rfc3339(text)
            .unwrap()
            .to_utc()
            .into()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn split(zone: Tz, start: &str, end: &str) -> Vec<(NaiveDate, i64)> {
        Calendar::of(zone).split(&[Span {
            start: at(start),
            end: at(end),
        }])
    }

    #[test]
    fn a_stay_over_midnight_gives_each_day_its_own_seconds() {
        let days = split(
            Tz::Pacific__Auckland,
            "2026-11-20T23:30:00+13:00",
            "2026-11-21T00:15:00+13:00",
        );
        assert_eq!(days, [(day("2026-11-20"), 1_800), (day("2026-11-21"), 900)]);
    }

    #[test]
    fn the_day_that_loses_an_hour_has_23_and_the_other_25() {
        let spring = split(
            Tz::Europe__Berlin,
            "2026-03-28T00:00:00+01:00",
            "2026-03-30T00:00:00+02:00",
        );
        assert_eq!(
            spring,
            [(day("2026-03-28"), 86_400), (day("2026-03-29"), 82_800)]
        );
        let autumn = split(
            Tz::Europe__Berlin,
            "2026-10-25T00:00:00+02:00",
            "2026-10-26T00:00:00+01:00",
        );
        assert_eq!(autumn, [(day("2026-10-25"), 90_000)]);
    }

    #[test]
    fn where_the_clock_skips_midnight_the_day_begins_at_the_skip() {
        // Cairo went from 2024-04-25T23:59:59+02:00 to 2024-04-26T01:00:00+03:00.
        let cairo = Calendar::of(Tz::Africa__Cairo);
        assert_eq!(
            cairo.day_start(day("2024-04-26")),
            at("2024-04-25T22:00:00Z")
        );
        assert_eq!(cairo.date_of(at("2024-04-25T21:59:59Z")), day("2024-04-25"));
        assert_eq!(cairo.date_of(at("2024-04-25T22:00:00Z")), day("2024-04-26"));
    }

    #[test]
    fn a_day_that_never_was_holds_nothing() {
        // Samoa skipped 2011-12-30.
        let days = split(
            Tz::Pacific__Apia,
            "2011-12-29T23:00:00-10:00",
            "2011-12-31T01:00:00+14:00",
        );
        assert_eq!(
            days,
            [(day("2011-12-29"), 3_600), (day("2011-12-31"), 3_600)]
        );
    }

    #[test]
    fn what_rounding_cuts_off_one_day_counts_for_the_next() {
        let days = split(
            Tz::UTC,
            "2026-11-20T23:59:58.600Z",
            "2026-11-21T00:00:01.600Z",
        );
        assert_eq!(days, [(day("2026-11-20"), 1), (day("2026-11-21"), 2)]);
    }

    #[test]
    fn a_new_zone_counts_from_the_day_it_is_set() {
        let mut calendar = Calendar::of(Tz::UTC);
        calendar.change_zone(Tz::Pacific__Auckland, at("2026-11-20T12:00:00Z"));
        assert_eq!(
            calendar.date_of(at("2026-11-20T10:59:59Z")),
            day("2026-11-20")
        );
        assert_eq!(
            calendar.date_of(at("2026-11-20T11:00:00Z")),
            day("2026-11-21")
        );
        assert_eq!(
            calendar.date_of(at("2026-11-10T23:00:00Z")),
            day("2026-11-10")
        );
        let parts = calendar.split(&[Span {
            start: at("2026-11-20T10:00:00Z"),
            end: at("2026-11-20T12:00:00Z"),
        }]);
        assert_eq!(
            parts,
            [(day("2026-11-20"), 3_600), (day("2026-11-21"), 3_600)]
        );
    }

    #[test]
    fn setting_the_zone_back_on_the_same_day_leaves_no_trace() {
        let mut calendar = Calendar::of(Tz::UTC);
        calendar.change_zone(Tz::Europe__Berlin, at("2026-11-20T12:00:00Z"));
        calendar.change_zone(Tz::UTC, at("2026-11-20T12:01:00Z"));
        assert_eq!(calendar.zone(), Tz::UTC);
        assert_eq!(
            calendar.date_of(at("2026-11-20T23:30:00Z")),
            day("2026-11-20")
        );
    }

    fn zones() -> impl Strategy<Value = Tz> {
        prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec())
    }

    proptest! {
        #[test]
        fn parts_add_up_and_each_fits_its_day(
            zone in zones(),
            start in 946_684_800_000_000_i64..4_000_000_000_000_000,
            length in 0_i64..8_000_000_000_000,
        ) {
            let calendar = Calendar::of(zone);
            let span = Span {
                start: Timestamp::from_micros(start),
                end: Timestamp::from_micros(start + length),
            };
            let parts = calendar.split(&[span]);
            prop_assert_eq!(
                parts.iter().map(|(_, part)| part).sum::<i64>(),
                length / 1_000_000
            );
            for (date, part) in &parts {
                let hours = calendar
                    .day_start(plus_days(*date, 1))
                    .since(calendar.day_start(*date));
                prop_assert!((0..=seconds(hours) + 1).contains(part));
            }
            prop_assert!(parts.is_sorted_by_key(|(date, _)| *date));
        }

        #[test]
        fn days_never_go_back(
            zone in zones(),
            start in 946_684_800_000_000_i64..4_000_000_000_000_000,
            step in 0_i64..200_000_000_000,
        ) {
            let calendar = Calendar::of(zone);
            let first = calendar.date_of(Timestamp::from_micros(start));
            let later = calendar.date_of(Timestamp::from_micros(start + step));
            prop_assert!(first <= later);
        }

        #[test]
        fn a_day_begins_within_itself(zone in zones(), offset in 0_i64..36_000) {
            let date = plus_days(crate::domain::time::FIRST_DATE, offset);
            let calendar = Calendar::of(zone);
            let start = calendar.day_start(date);
            let found = calendar.date_of(start);
            // Only a day that the zone skipped altogether is not found at its own start.
            if found == date {
                prop_assert!(calendar.date_of(start.before(Duration::from_micros(1))) < date);
            } else {
                prop_assert!(found > date);
            }
        }
    }
}
