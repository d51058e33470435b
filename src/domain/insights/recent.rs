//! What the sessions of some time said: their scores, topics, words and weak areas.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{NaiveDate, NaiveTime};

use crate::domain::{
    calendar::{plus_days, seconds},
    period::DateRange,
    session::{Session, SessionResult},
    time::Timestamp,
};

/// Areas that a warm-up names.
const FOCUS_AREAS: usize = 5;
/// Words that a warm-up repeats.
const REVIEWED_WORDS: usize = 10;
/// A local day begins at most so long before the same day in UTC, and ends at most so long after
/// it.
const BEGINS_BEFORE: Duration = Duration::from_hours(14);
const ENDS_AFTER: Duration = Duration::from_hours(12);

/// When sessions started that are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Window {
    /// So long before now, up to now, both ends included.
    Until { now: Timestamp, span: Duration },
    /// On local days.
    On(DateRange),
}

impl Window {
    /// Instants that hold all of it, and perhaps more.
    #[must_use]
    pub fn instants(&self) -> (Timestamp, Timestamp) {
        match self {
            Self::Until { now, span } => (now.before(*span), *now),
            // A local day begins and ends within two days of the same day in UTC.
            Self::On(range) => {
                let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc().into();
                (
                    midnight(plus_days(range.start, -2)),
                    midnight(plus_days(range.end, 2)),
                )
            }
        }
    }

    /// Local days that hold all of it, and perhaps more.
    #[must_use]
    pub fn days(&self) -> DateRange {
        match self {
            Self::Until { .. } => DateRange::ALL,
            Self::On(range) => *range,
        }
    }

    /// Local days of which every instant is in it, in whatever zone; `None` if there are none.
    #[must_use]
    pub fn whole_days(&self) -> Option<DateRange> {
        let whole = match self {
            Self::Until { now, span } => DateRange {
                start: plus_days((now.before(*span) + BEGINS_BEFORE).utc_date(), 1),
                end: plus_days(now.before(ENDS_AFTER).utc_date(), -1),
            },
            Self::On(range) => *range,
        };
        (whole.start <= whole.end).then_some(whole)
    }

    /// Whether a session started in it.
    #[must_use]
    pub fn contains(&self, session: &Session) -> bool {
        let (from, until) = self.instants();
        (from..=until).contains(&session.started_at) && self.days().contains(session.start_date)
    }
}

/// What statistics ask of an ended session.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    pub session_type: String,
    /// The local day of its start.
    pub start_date: NaiveDate,
    pub seconds: i64,
    pub result: Option<SessionResult>,
}

impl Outcome {
    /// Of a session; `None` while it is open.
    #[must_use]
    pub fn of(session: &Session) -> Option<Self> {
        let ended_at: Timestamp = session.ended_at()?;
        Some(Self {
            session_type: session.context.session_type.clone(),
            start_date: session.start_date,
            seconds: seconds(session.duration(ended_at)),
            result: session.review.result.clone(),
        })
    }
}

/// A term and how many sessions named it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TermCount {
    pub term: String,
    pub count: i64,
}

/// What to begin the next session with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Warmup {
    /// The five areas to improve named most; equal counts by name.
    pub focus_areas: Vec<TermCount>,
    /// The ten words seen least; equal counts by name.
    pub vocabulary_review: Vec<TermCount>,
}

/// What to begin with after these sessions.
#[must_use]
pub fn warmup(sessions: &[Outcome]) -> Warmup {
    let areas = count(sessions, |result| &result.areas_to_improve);
    let words = count(sessions, |result| &result.vocabulary_learned);
    Warmup {
        focus_areas: most(areas, FOCUS_AREAS),
        vocabulary_review: least(words, REVIEWED_WORDS),
    }
}

/// How many sessions named each term. Naming it twice is naming it.
fn count<'a>(
    sessions: &'a [Outcome],
    terms: impl Fn(&'a SessionResult) -> &'a Vec<String>,
) -> BTreeMap<&'a str, i64> {
    let mut counts = BTreeMap::new();
    for result in sessions
        .iter()
        .filter_map(|session| session.result.as_ref())
    {
        let distinct: BTreeSet<&str> = terms(result).iter().map(String::as_str).collect();
        for term in distinct {
            *counts.entry(term).or_insert(0) += 1;
        }
    }
    counts
}

/// The most frequent; equal counts by name.
pub(super) fn most<'a>(
    counts: impl IntoIterator<Item = (&'a str, i64)>,
    limit: usize,
) -> Vec<TermCount> {
    first(counts, limit, |count| -count)
}

fn least(counts: BTreeMap<&str, i64>, limit: usize) -> Vec<TermCount> {
    first(counts, limit, |count| count)
}

/// The first by `key`; equal ones by name, byte by byte.
fn first<'a>(
    counts: impl IntoIterator<Item = (&'a str, i64)>,
    limit: usize,
    key: impl Fn(i64) -> i64,
) -> Vec<TermCount> {
    let mut terms: Vec<_> = counts.into_iter().collect();
    terms.sort_by_key(|(term, count)| (key(*count), *term));
    let terms = terms
        .into_iter()
        .take(limit)
        .map(|(term, count)| TermCount {
            term: term.to_owned(),
            count,
        });
    terms.collect()
}
