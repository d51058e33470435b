//! Which local day an instant belongs to, and how a stay falls on several of them.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use chrono::{LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike};
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

    /// The hour of its local day that `time` is in, 0 to 23, by the clock on the wall. Where a
    /// clock set back over midnight shows the day before again, that is the new day's first.
    #[must_use]
    pub fn hour_of(&self, time: Timestamp) -> u32 {
        let zone = self.zone_at(time);
        let local = time.to_utc().with_timezone(&zone);
        if local.date_naive() < local_day(zone, time) {
            0
        } else {
            local.hour()
        }
    }

    /// Whether `next` is the local day after `date`. Days that never were, because the zone or
    /// a change of zone skipped them, do not come between.
    #[must_use]
    pub fn follows(&self, date: NaiveDate, next: NaiveDate) -> bool {
        date < next && days(plus_days(date, 1), plus_days(next, -1)).all(|day| !self.has(day))
    }

    /// Whether any instant belongs to the local day.
    #[must_use]
    pub fn has(&self, date: NaiveDate) -> bool {
        let always = Timestamp::from_micros(i64::MIN);
        let sinces = self.later.iter().map(|era| era.since);
        let untils = sinces.chain([Timestamp::from_micros(i64::MAX)]);
        let eras = std::iter::once((always, self.first)).chain(self.changes());
        eras.zip(untils).any(|((since, zone), until)| {
            let first = day_start(zone, date).max(since);
            first < until && local_day(zone, first) == date
        })
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
