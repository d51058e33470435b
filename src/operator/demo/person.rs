//! Somebody of the demo, and what they do on a day.
//!
//! Everything follows from an id and a date, so that each run says the same of a day, whenever
//! it is.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Datelike, Days, NaiveDate, TimeZone, Utc};
use fastrand::Rng;
use uuid::Uuid;

use super::cast::{Company, Lessons};
use crate::pb::v1::{
    CompletionStatus, LogActivityRequest, RecordSessionRequest, RecordUsageRequest, SessionResult,
    Subject, UsageIncrement,
};

/// Whoever is at least so keen takes no holidays.
const TIRELESS: u32 = 93;
/// Days over which skills come and go.
const SWING: u32 = 280;

/// A user of a company.
pub struct Person {
    pub id: Uuid,
    /// How likely they come on a good day, in percent.
    keenness: u32,
    /// Percent of what is asked that they know at their worst.
    skill: u32,
    /// Where they are in their swing on the first of days.
    phase: u32,
    /// Percent of the time told of that went by before they came.
    joined: u32,
}

/// A session, and what was done in it.
pub struct Visit {
    pub session: RecordSessionRequest,
    pub activities: Vec<LogActivityRequest>,
}

/// What one user does on one local day.
#[derive(Default)]
pub struct Day {
    pub visits: Vec<Visit>,
    pub usage: Option<RecordUsageRequest>,
}

impl Person {
    /// The user of that number of the tenant.
    pub fn new(tenant: Uuid, number: u32) -> Self {
        let id = Uuid::new_v5(&tenant, format!("user {number}").as_bytes());
        let mut rng = rng(id);
        Self {
            id,
            keenness: match number % 8 {
                0 => rng.u32(TIRELESS..=98),
                1..=4 => rng.u32(50..=85),
                _ => rng.u32(15..=50),
            },
            skill: rng.u32(45..=72),
            phase: rng.u32(0..SWING),
            joined: if number.is_multiple_of(3) {
                0
            } else {
                rng.u32(0..=85)
            },
        }
    }

    /// The first of `days` days up to `today` on which they come.
    pub fn first_day(&self, today: NaiveDate, days: u64) -> NaiveDate {
        let absent = days * u64::from(self.joined) / 100;
        today - Days::new(days) + Days::new(absent)
    }

    /// What they do on a day.
    pub fn day(&self, company: &Company, date: NaiveDate) -> Day {
        let mut rng = rng(self.named(&date.to_string()));
        if rng.u32(0..100) >= self.chance(company, date) {
            return Day::default();
        }
        let visits = match rng.u32(0..100) {
            0..70 => 1,
            70..93 => 2,
            _ => 3,
        };
        let (from, until) = company.hours;
        let slot = (until - from) * 60 / visits;
        let visits: Vec<_> = (0..visits)
            .filter_map(|number| {
                let first = from * 60 + number * slot;
                let minute = first + rng.u32(0..slot.saturating_sub(company.minutes.1).max(1));
                self.visit(company, date, number, minute, &mut rng)
            })
            .collect();
        let usage = self.usage(company, date, visits.len(), &mut rng);
        Day {
            visits,
            usage: Some(usage),
        }
    }

    /// An id of this user's own.
    pub fn named(&self, name: &str) -> Uuid {
        Uuid::new_v5(&self.id, name.as_bytes())
    }

    /// How likely they come, in percent: by weekday, and in weeks that are better or worse.
    fn chance(&self, company: &Company, date: NaiveDate) -> u32 {
        if self.keenness >= TIRELESS {
            return self.keenness;
        }
        let weekday = date.weekday().num_days_from_monday();
        let weekdays = company.weekdays.iter().zip(0..);
        let share = weekdays
            .filter(|(_, day)| *day == weekday)
            .map(|(share, _)| share);
        let week = rng(self.named(&format!("{:?}", date.iso_week()))).u32(0..10);
        let mood = if week == 0 { 0 } else { 70 + week * 5 };
        share.sum::<u32>() * self.keenness * mood / 10_000
    }

    /// Percent of what is asked that they know on a day.
    fn knows(&self, date: NaiveDate) -> u32 {
        let day = date.num_days_from_ce().unsigned_abs() + self.phase;
        let day = day % SWING;
        self.skill + day.min(SWING - day) / 6
    }

    /// `None` if the clock on the wall never showed its start.
    fn visit(
        &self,
        company: &Company,
        date: NaiveDate,
        number: u32,
        minute: u32,
        rng: &mut Rng,
    ) -> Option<Visit> {
        let local = date.and_hms_opt(minute / 60, minute % 60, rng.u32(0..60))?;
        let start = company
            .zone
            .from_local_datetime(&local)
            .earliest()?
            .to_utc();
        let seconds = rng.u32(company.minutes.0 * 60..=company.minutes.1 * 60);
        let id = self.named(&format!("{date} session {number}"));
        let done = match rng.u32(0..100) {
            0..82 => CompletionStatus::Completed,
            82..94 => CompletionStatus::Partial,
            _ => CompletionStatus::Abandoned,
        };
        let lessons = company.lessons.as_ref();
        let activities = lessons.map(|lessons| self.activities(lessons, id, start, seconds, rng));
        let (subject_id, subject_name) = one_of(rng, company.subjects);
        let session = RecordSessionRequest {
            user_id: self.id.to_string(),
            session_id: id.to_string(),
            session_type: one_of(rng, company.session_types).to_owned(),
            client_type: one_of(rng, company.client_types).to_owned(),
            subject: Some(Subject {
                r#type: company.subject_type.to_owned(),
                id: subject_id.to_owned(),
                name: subject_name.to_owned(),
            }),
            start_time: Some(timestamp(start)),
            duration: Some(duration(seconds)),
            completion_status: done.into(),
            result: lessons.map(|lessons| self.result(lessons, date, rng)),
            mood_rating: rng.i32(0..=5),
            productivity_rating: rng.i32(0..=5),
            focus_mode: rng.u32(0..4) == 0,
            location: one_of(rng, &["home", "library", "office", ""]).to_owned(),
            ..RecordSessionRequest::default()
        };
        Some(Visit {
            session,
            activities: activities.unwrap_or_default(),
        })
    }

    fn result(&self, lessons: &Lessons, date: NaiveDate, rng: &mut Rng) -> SessionResult {
        let knows = self.knows(date);
        let score = |rng: &mut Rng| f64::from((knows * 10 + rng.u32(0..120)).min(1_000)) / 10.0;
        let owned = |names: Vec<&str>| names.into_iter().map(String::from).collect();
        SessionResult {
            words_spoken: rng.i64(80..900),
            scores: lessons
                .scores
                .iter()
                .map(|name| ((*name).to_owned(), score(rng)))
                .collect(),
            topics: owned(some_of(rng, lessons.topics, 2)),
            vocabulary_learned: owned(some_of(rng, lessons.words, 4)),
            areas_to_improve: owned(some_of(rng, lessons.weaknesses, 2)),
        }
    }

    /// Up to two things, one after the other within the session.
    fn activities(
        &self,
        lessons: &Lessons,
        session: Uuid,
        start: DateTime<Utc>,
        seconds: u32,
        rng: &mut Rng,
    ) -> Vec<LogActivityRequest> {
        let chosen = some_of(rng, lessons.activities, 2);
        let each = seconds / 3;
        let starts = (0..).map(|number| start + Duration::from_secs(u64::from(number * each)));
        let chosen = chosen.into_iter().zip(starts).zip(0..);
        chosen
            .map(|(((activity_type, content_type), start), number)| {
                let asked = matches!(activity_type, "flashcards" | "testing" | "assignment");
                let items = if asked { rng.i64(8..=24) } else { 0 };
                let knows = i64::from(self.knows(start.date_naive()));
                let correct = items * (knows + rng.i64(-8..=12)).min(100) / 100;
                let name = format!("activity {number}");
                LogActivityRequest {
                    session_id: session.to_string(),
                    activity_id: Uuid::new_v5(&session, name.as_bytes()).to_string(),
                    activity_type: activity_type.to_owned(),
                    content_type: content_type.to_owned(),
                    start_time: Some(timestamp(start)),
                    duration: Some(duration(each)),
                    items_completed: items,
                    items_correct: correct,
                    ..LogActivityRequest::default()
                }
            })
            .collect()
    }

    /// Logins and uses; the time is that of the sessions.
    fn usage(
        &self,
        company: &Company,
        date: NaiveDate,
        visits: usize,
        rng: &mut Rng,
    ) -> RecordUsageRequest {
        let features = some_of(rng, company.features, 4);
        let features = features
            .into_iter()
            .map(|name| (name.to_owned(), rng.i64(1..=6)));
        let feature_usage: BTreeMap<_, _> = features.collect();
        RecordUsageRequest {
            user_id: self.id.to_string(),
            date: date.to_string(),
            increment: Some(UsageIncrement {
                login_count: i64::try_from(visits).unwrap_or(1) + i64::from(rng.bool()),
                active_seconds: 0,
                simulation_runs: rng.i64(0..=company.simulations),
                documents_accessed: rng.i64(0..=8),
                feature_usage,
            }),
            request_id: self.named(&format!("{date} usage")).to_string(),
        }
    }
}

/// Chance that is always the same for the same id.
pub fn rng(id: Uuid) -> Rng {
    Rng::with_seed(id.as_u64_pair().0)
}

/// One of some; the default of none.
pub fn one_of<T: Copy + Default>(rng: &mut Rng, all: &[T]) -> T {
    rng.choice(all).copied().unwrap_or_default()
}

/// From one to `most` different ones, in their order.
fn some_of<T: Copy>(rng: &mut Rng, all: &[T], most: usize) -> Vec<T> {
    let amount = rng.usize(1..=most);
    rng.choose_multiple(all.iter().copied(), amount)
}

fn timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.timestamp(),
        nanos: 0,
    }
}

fn duration(seconds: u32) -> prost_types::Duration {
    prost_types::Duration {
        seconds: seconds.into(),
        nanos: 0,
    }
}
