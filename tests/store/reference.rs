//! The rules again, as slowly and plainly as can be: what the store is compared with.
//!
//! Nothing of the domain's arithmetic is used. Times are microseconds, days are looked up in a
//! table of quarters of an hour, and a stay is counted a quarter at a time.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;
use dwell::domain::session::EndReason;

pub const SECOND: i64 = 1_000_000;
pub const DAY: i64 = 86_400 * SECOND;
const QUARTER: i64 = 900 * SECOND;

/// The local date of each quarter of an hour. Every zone of our time changes only between two.
pub struct Dates {
    from: i64,
    dates: Vec<NaiveDate>,
}

impl Dates {
    pub fn of(zone: Tz, from: i64, until: i64) -> Self {
        let from = from / QUARTER * QUARTER;
        let mut dates: Vec<NaiveDate> = Vec::new();
        for quarter in 0..(until - from) / QUARTER {
            let time = DateTime::from_timestamp_micros(from + quarter * QUARTER).unwrap();
            let date = time.with_timezone(&zone).date_naive();
            // Set back over midnight, a clock does not bring the day before back.
            let latest = dates.last().map_or(date, |last| date.max(*last));
            dates.push(latest);
        }
        Self { from, dates }
    }

    pub fn at(&self, time: i64) -> NaiveDate {
        self.dates[usize::try_from((time - self.from) / QUARTER).unwrap()]
    }

    pub fn start_of(&self, date: NaiveDate) -> i64 {
        let quarter = self.dates.iter().position(|other| *other == date).unwrap();
        self.from + i64::try_from(quarter).unwrap() * QUARTER
    }
}

#[derive(Clone, Debug)]
pub struct Stay {
    pub user: usize,
    pub start: i64,
    pub last: i64,
    pub pauses: Vec<(i64, i64)>,
    pub paused: Option<i64>,
    pub end: Option<(i64, EndReason)>,
}

impl Stay {
    /// Microseconds on each day up to `until`.
    fn parts(&self, dates: &Dates, until: i64) -> BTreeMap<NaiveDate, i64> {
        let mut parts = BTreeMap::new();
        let mut from = self.start;
        while from < until {
            let to = until.min((from / QUARTER + 1) * QUARTER);
            let open = self.paused.map(|since| (since, i64::MAX));
            let paused: i64 = self
                .pauses
                .iter()
                .copied()
                .chain(open)
                .map(|(start, end)| (end.min(to) - start.max(from)).max(0))
                .sum();
            *parts.entry(dates.at(from)).or_insert(0) += to - from - paused;
            from = to;
        }
        parts
    }

    pub fn micros(&self, dates: &Dates, now: i64) -> i64 {
        let until = self.end.map_or(now, |(end, _)| end);
        self.parts(dates, until).values().sum()
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Person {
    pub logins: i64,
    pub last_login: Option<i64>,
    pub first_seen: Option<i64>,
    pub last_active: Option<i64>,
    pub seconds: i64,
}

impl Person {
    fn seen(&mut self, time: i64) {
        self.first_seen = Some(self.first_seen.map_or(time, |first| first.min(time)));
        self.last_active = self.last_active.max(Some(time));
    }
}

/// Logins, seconds, sessions started, sessions completed.
pub type Day = [i64; 4];

/// Sessions ended, completed, and the seconds of the completed.
pub type Practice = [i64; 3];

pub struct Reference {
    pub dates: Dates,
    pub idle: Option<i64>,
    pub lifetime: Option<i64>,
    pub limit: Option<usize>,
    pub stays: Vec<Stay>,
    pub people: BTreeMap<usize, Person>,
    pub days: BTreeMap<(usize, NaiveDate), Day>,
    /// By the day of the start.
    pub practice: BTreeMap<(usize, NaiveDate), Practice>,
    /// Completed sessions by day and quarter of the start, as an instant.
    pub times: BTreeMap<(usize, NaiveDate, i64), i64>,
    pub requests: BTreeSet<u8>,
}

impl Reference {
    fn day(&mut self, user: usize, date: NaiveDate) -> &mut Day {
        self.days.entry((user, date)).or_default()
    }

    /// When and how it is over by itself, if that is by `now`.
    pub fn over(&self, stay: &Stay, now: i64) -> Option<(i64, EndReason)> {
        let idle_due = self.idle.map(|idle| stay.last + idle);
        let life_due = self.lifetime.map(|lifetime| stay.start + lifetime);
        let idle = idle_due.filter(|due| *due <= now);
        let life = life_due.filter(|due| *due <= now);
        match (stay.end, idle, life) {
            (Some(end), _, _) => Some(end),
            (None, None, None) => None,
            (None, Some(due), life) if life.is_none_or(|life| due <= life) => {
                Some((stay.last, EndReason::IdleTimeout))
            }
            (None, _, life) => life.map(|life| (life, EndReason::MaxLifetime)),
        }
    }

    fn finish(&mut self, index: usize, end: i64, reason: EndReason, completed: bool) {
        let stay = &mut self.stays[index];
        stay.end = Some((end, reason));
        stay.last = stay.last.max(end);
        let stay = stay.clone();
        let mut micros = 0;
        for (date, part) in stay.parts(&self.dates, end) {
            let before = micros / SECOND;
            micros += part;
            self.day(stay.user, date)[1] += micros / SECOND - before;
        }
        let date = self.dates.at(stay.start);
        self.day(stay.user, date)[3] += i64::from(completed);
        let practice = self.practice.entry((stay.user, date)).or_default();
        practice[0] += 1;
        if completed {
            practice[1] += 1;
            practice[2] += micros / SECOND;
            let quarter = stay.start / QUARTER * QUARTER;
            *self.times.entry((stay.user, date, quarter)).or_default() += 1;
        }
        let person = self.people.entry(stay.user).or_default();
        person.seconds += micros / SECOND;
        person.seen(stay.last);
    }

    /// How it ended, also if it only now turns out that it has.
    pub fn settle(&mut self, index: usize, now: i64) -> Option<(i64, EndReason)> {
        let over = self.over(&self.stays[index], now);
        if let (Some((end, reason)), None) = (over, self.stays[index].end) {
            self.finish(index, end, reason, false);
        }
        over
    }

    fn touch(&mut self, index: usize, now: i64) {
        let stay = &mut self.stays[index];
        stay.last = stay.last.max(now);
        self.people.entry(stay.user).or_default().seen(now);
    }

    pub fn start(&mut self, user: usize, now: i64) {
        if let Some(limit) = self.limit {
            let own = |index: &usize| self.stays[*index].user == user;
            let mut open: Vec<_> = (0..self.stays.len()).filter(own).collect();
            open.retain(|index| self.settle(*index, now).is_none());
            open.sort_by_key(|index| (self.stays[*index].last, *index));
            while open.len() >= limit {
                let index = open.remove(0);
                let end = now.max(self.stays[index].last);
                self.finish(index, end, EndReason::Evicted, false);
            }
        }
        self.stays.push(Stay {
            user,
            start: now,
            last: now,
            pauses: Vec::new(),
            paused: None,
            end: None,
        });
        let day = self.day(user, self.dates.at(now));
        day[0] += 1;
        day[2] += 1;
        let person = self.people.entry(user).or_default();
        person.logins += 1;
        person.last_login = person.last_login.max(Some(now));
        person.seen(now);
    }

    pub fn heartbeat(&mut self, index: usize, now: i64) -> Option<(i64, EndReason)> {
        let over = self.settle(index, now);
        if over.is_none() {
            self.touch(index, now);
        }
        over
    }

    pub fn pause(&mut self, index: usize, now: i64) -> Option<(i64, EndReason)> {
        let over = self.heartbeat(index, now);
        let stay = &mut self.stays[index];
        if over.is_none() && stay.paused.is_none() {
            let resumed = stay.pauses.last().map_or(stay.start, |pause| pause.1);
            stay.paused = Some(now.max(resumed));
        }
        over
    }

    pub fn resume(&mut self, index: usize, now: i64) -> Option<(i64, EndReason)> {
        let over = self.heartbeat(index, now);
        let stay = &mut self.stays[index];
        if over.is_none()
            && let Some(since) = stay.paused.take()
        {
            stay.pauses.push((since, now.max(since)));
        }
        over
    }

    /// Whether it had ended before; `None` if the time is refused.
    pub fn end(
        &mut self,
        index: usize,
        at: Option<i64>,
        completed: bool,
        now: i64,
    ) -> Option<bool> {
        if self.settle(index, now).is_some() {
            return Some(true);
        }
        let stay = &self.stays[index];
        if at.is_some_and(|at| at < stay.start) {
            return None;
        }
        let end = at.unwrap_or(now.max(stay.last));
        self.finish(index, end, EndReason::Logout, completed);
        Some(false)
    }

    pub fn record(&mut self, user: usize, seconds: i64, request: u8, now: i64) {
        if !self.requests.insert(request) {
            return;
        }
        let today = self.dates.at(now);
        self.day(user, today)[1] += seconds;
        let began = self.dates.start_of(today);
        let person = self.people.entry(user).or_default();
        person.seconds += seconds;
        person.seen(began);
        person.seen(now);
    }
}
