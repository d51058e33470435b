//! What the sessions of some time said: their scores, topics, words and weak areas.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{NaiveDate, NaiveTime};

use crate::domain::{
    calendar::{plus_days, seconds},
    hundredths::float,
    period::DateRange,
    session::{Session, SessionResult},
    time::Timestamp,
};

/// Topics and areas that statistics name.
const MOST_FREQUENT: usize = 10;
/// Areas that a warm-up names.
const FOCUS_AREAS: usize = 5;
/// Words that a warm-up repeats.
const REVIEWED_WORDS: usize = 10;

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

/// Sessions of one type.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TypeStats {
    pub count: i64,
    pub seconds: i64,
}

impl TypeStats {
    /// Rounded down.
    #[must_use]
    pub const fn average_seconds(&self) -> i64 {
        if self.count == 0 {
            0
        } else {
            self.seconds / self.count
        }
    }
}

/// A day's mean scores.
#[derive(Clone, PartialEq, Debug)]
pub struct ScorePoint {
    pub date: NaiveDate,
    pub scores: BTreeMap<String, f64>,
    /// All sessions of the day, with scores or without.
    pub sessions: i64,
}

/// What ended sessions add up to.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SessionStats {
    pub total_sessions: i64,
    pub total_seconds: i64,
    pub total_words_spoken: i64,
    /// Mean of each score over the sessions that have it.
    pub average_scores: BTreeMap<String, f64>,
    pub sessions_by_type: BTreeMap<String, TypeStats>,
    /// One for each day with sessions, oldest first.
    pub score_trend: Vec<ScorePoint>,
    /// The ten most frequent; equal counts by name.
    pub common_topics: Vec<TermCount>,
    pub areas_to_improve: Vec<TermCount>,
}

/// What to begin the next session with.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Warmup {
    /// The five areas to improve named most; equal counts by name.
    pub focus_areas: Vec<TermCount>,
    /// The ten words seen least; equal counts by name.
    pub vocabulary_review: Vec<TermCount>,
}

/// Statistics of these sessions, whatever order they come in.
#[must_use]
pub fn session_stats(sessions: &[Outcome]) -> SessionStats {
    let mut stats = SessionStats::default();
    let mut days: BTreeMap<NaiveDate, Vec<&Outcome>> = BTreeMap::new();
    for session in sessions {
        stats.total_sessions += 1;
        stats.total_seconds += session.seconds;
        let words = session
            .result
            .as_ref()
            .map_or(0, |result| result.words_spoken);
        stats.total_words_spoken += words;
        let kind = session.session_type.clone();
        let kind = stats.sessions_by_type.entry(kind).or_default();
        kind.count += 1;
        kind.seconds += session.seconds;
        days.entry(session.start_date).or_default().push(session);
    }
    stats.average_scores = mean_scores(sessions);
    let points = days.into_iter().map(|(date, sessions)| ScorePoint {
        date,
        scores: mean_scores(sessions.iter().copied()),
        sessions: sessions.len().try_into().unwrap_or(i64::MAX),
    });
    stats.score_trend = points.collect();
    stats.common_topics = most(count(sessions, |result| &result.topics), MOST_FREQUENT);
    let areas = count(sessions, |result| &result.areas_to_improve);
    stats.areas_to_improve = most(areas, MOST_FREQUENT);
    stats
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

/// The mean of each score over the sessions that have it. Values are added from the lowest up,
/// as a floating sum depends on the order.
fn mean_scores<'a>(sessions: impl IntoIterator<Item = &'a Outcome>) -> BTreeMap<String, f64> {
    let mut values: BTreeMap<&String, Vec<f64>> = BTreeMap::new();
    for result in sessions
        .into_iter()
        .filter_map(|session| session.result.as_ref())
    {
        for (name, score) in &result.scores {
            values.entry(name).or_default().push(*score);
        }
    }
    let mean = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let count = values.len().try_into().unwrap_or(i64::MAX);
        values.iter().sum::<f64>() / float(count)
    };
    let means = values.into_iter();
    means
        .map(|(name, values)| (name.clone(), mean(values)))
        .collect()
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

fn most(counts: BTreeMap<&str, i64>, limit: usize) -> Vec<TermCount> {
    first(counts, limit, |count| -count)
}

fn least(counts: BTreeMap<&str, i64>, limit: usize) -> Vec<TermCount> {
    first(counts, limit, |count| count)
}

/// The first by `key`; equal ones by name, byte by byte, which is the order of the map.
fn first(counts: BTreeMap<&str, i64>, limit: usize, key: impl Fn(i64) -> i64) -> Vec<TermCount> {
    let mut terms: Vec<_> = counts.into_iter().collect();
    terms.sort_by_key(|(_, count)| key(*count));
    let terms = terms
        .into_iter()
        .take(limit)
        .map(|(term, count)| TermCount {
            term: term.to_owned(),
            count,
        });
    terms.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{calendar::plus_days, time::FIRST_DATE};

    fn outcomes() -> impl Strategy<Value = Vec<Outcome>> {
        let terms = || prop::collection::vec("[a-e]{1,2}", 0..8);
        let scores = prop::collection::btree_map("[a-c]", 0.0_f64..=100.0, 0..3);
        let result = (0_i64..1_000, scores, terms(), terms(), terms()).prop_map(
            |(words_spoken, scores, topics, vocabulary_learned, areas_to_improve)| SessionResult {
                words_spoken,
                scores,
                topics,
                vocabulary_learned,
                areas_to_improve,
            },
        );
        let outcome = ("[st]", 0_i64..5, 0_i64..9_000, prop::option::of(result));
        let outcome = outcome.prop_map(|(session_type, day, seconds, result)| Outcome {
            session_type,
            start_date: plus_days(FIRST_DATE, day),
            seconds,
            result,
        });
        prop::collection::vec(outcome, 0..30)
    }

    /// The terms again: each one looked for in each session.
    fn plainly(
        sessions: &[Outcome],
        terms: fn(&SessionResult) -> &Vec<String>,
        rarest: bool,
    ) -> Vec<(String, i64)> {
        let lists = || {
            sessions
                .iter()
                .filter_map(|one| one.result.as_ref())
                .map(terms)
        };
        let mut all: Vec<(String, i64)> = Vec::new();
        for term in lists().flatten() {
            let count = lists().filter(|list| list.contains(term)).count();
            all.push((term.clone(), count.try_into().unwrap()));
        }
        all.sort_by(|a, b| {
            let by_count = a.1.cmp(&b.1);
            let by_count = if rarest { by_count } else { by_count.reverse() };
            by_count.then_with(|| a.0.cmp(&b.0))
        });
        all.dedup();
        all
    }

    fn pairs(terms: Vec<TermCount>) -> Vec<(String, i64)> {
        terms.into_iter().map(|one| (one.term, one.count)).collect()
    }

    fn cut(mut all: Vec<(String, i64)>, limit: usize) -> Vec<(String, i64)> {
        all.truncate(limit);
        all
    }

    /// Equal but for the order of adding.
    fn close(means: &BTreeMap<String, f64>, sessions: &[&Outcome]) -> bool {
        let of = |name: &str| -> Vec<f64> {
            let results = sessions.iter().filter_map(|one| one.result.as_ref());
            results
                .filter_map(|result| result.scores.get(name).copied())
                .collect()
        };
        ["a", "b", "c"].iter().all(|name| {
            let values = of(name);
            match means.get(*name) {
                None => values.is_empty(),
                Some(mean) => {
                    let mut sum = 0.0;
                    let mut count = 0.0;
                    for value in values {
                        sum += value;
                        count += 1.0;
                    }
                    (mean - sum / count).abs() < 1e-9
                }
            }
        })
    }

    proptest! {
        #[test]
        fn terms_are_counted_by_session(sessions in outcomes()) {
            let stats = session_stats(&sessions);
            let warmup = warmup(&sessions);
            let topics = plainly(&sessions, |result| &result.topics, false);
            prop_assert_eq!(pairs(stats.common_topics), cut(topics, 10));
            let areas = plainly(&sessions, |result| &result.areas_to_improve, false);
            prop_assert_eq!(pairs(stats.areas_to_improve), cut(areas.clone(), 10));
            prop_assert_eq!(pairs(warmup.focus_areas), cut(areas, 5));
            let words = plainly(&sessions, |result| &result.vocabulary_learned, true);
            prop_assert_eq!(pairs(warmup.vocabulary_review), cut(words, 10));
        }

        #[test]
        fn sums_and_means_are_those_of_the_sessions(sessions in outcomes()) {
            let stats = session_stats(&sessions);
            let all: Vec<_> = sessions.iter().collect();
            prop_assert_eq!(usize::try_from(stats.total_sessions).unwrap(), all.len());
            prop_assert_eq!(stats.total_seconds, all.iter().map(|one| one.seconds).sum::<i64>());
            prop_assert!(close(&stats.average_scores, &all));
            for point in &stats.score_trend {
                let day: Vec<_> = sessions.iter().filter(|one| one.start_date == point.date).collect();
                prop_assert_eq!(usize::try_from(point.sessions).unwrap(), day.len());
                prop_assert!(close(&point.scores, &day));
            }
            prop_assert!(stats.score_trend.is_sorted_by(|a, b| a.date < b.date));
            let days: BTreeSet<_> = sessions.iter().map(|one| one.start_date).collect();
            prop_assert_eq!(stats.score_trend.len(), days.len());
            for (kind, of_type) in &stats.sessions_by_type {
                let own: Vec<_> = sessions.iter().filter(|one| one.session_type == *kind).collect();
                let sum: i64 = own.iter().map(|one| one.seconds).sum();
                prop_assert_eq!(usize::try_from(of_type.count).unwrap(), own.len());
                prop_assert_eq!(of_type.average_seconds(), sum / of_type.count);
            }
        }

        #[test]
        fn the_order_of_sessions_does_not_matter(sessions in outcomes(), seed in any::<u64>()) {
            let mut shuffled = sessions.clone();
            // Deterministic, and far from the order that they came in.
            shuffled.sort_by_key(|one| (seed ^ one.seconds.unsigned_abs()).wrapping_mul(0x9e37_79b9));
            prop_assert_eq!(session_stats(&sessions), session_stats(&shuffled));
        }
    }

    #[test]
    fn nothing_adds_up_to_nothing() {
        assert_eq!(session_stats(&[]), SessionStats::default());
        assert_eq!(warmup(&[]), Warmup::default());
    }
}
