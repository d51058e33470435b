//! Statistics of sessions, from counts that are kept of each day.
//!
//! What an ended session adds to the local day of its start is whole numbers by key, so that they
//! can be added in any order and come to the same. A key is a letter, a colon and a name:
//!
//! | key | what is counted |
//! |---|---|
//! | `n:TYPE`, `s:TYPE` | sessions of the type, and their seconds |
//! | `w:` | words spoken |
//! | `c:SCORE`, `b:SCORE` | sessions with the score, and the scores, in billionths of a point |
//! | `t:TOPIC`, `a:AREA` | sessions that named the topic, or the area to improve |

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::recent::{Outcome, TermCount, most};
use crate::domain::hundredths::float;

/// Topics and areas that statistics name.
const MOST_FREQUENT: usize = 10;
/// The keys that a session may add to its day. One with more is counted nowhere, and so its day is
/// not complete: it is read from the sessions themselves.
const MAX_KEYS: usize = 100;
const BILLION: f64 = 1e9;

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

/// What one ended session adds to the day of its start.
fn counts(session: &Outcome) -> Vec<(String, i64)> {
    let kind = &session.session_type;
    let mut counts = vec![
        (format!("n:{kind}"), 1),
        (format!("s:{kind}"), session.seconds),
    ];
    if let Some(result) = &session.result {
        counts.push(("w:".to_owned(), result.words_spoken));
        for (name, score) in &result.scores {
            counts.push((format!("c:{name}"), 1));
            counts.push((format!("b:{name}"), billionths(*score)));
        }
        for (letter, terms) in [("t", &result.topics), ("a", &result.areas_to_improve)] {
            // Naming it twice is naming it.
            let distinct: BTreeSet<_> = terms.iter().collect();
            counts.extend(distinct.iter().map(|term| (format!("{letter}:{term}"), 1)));
        }
    }
    counts
}

/// The same as far as it is kept.
#[must_use]
pub fn kept_counts(session: &Outcome) -> Vec<(String, i64)> {
    let mut counts = counts(session);
    if counts.len() > MAX_KEYS {
        counts.clear();
    }
    counts
}

#[expect(clippy::cast_possible_truncation, reason = "scores are 0 to 100")]
fn billionths(score: f64) -> i64 {
    (score * BILLION).round() as i64
}

/// Scores of one name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Scores {
    count: i64,
    billionths: i64,
}

impl Scores {
    /// The nearest number to the quotient of the sums.
    fn mean(self) -> f64 {
        float(self.billionths) / (BILLION * float(self.count))
    }
}

/// The sums of one day.
#[derive(Clone, PartialEq, Debug, Default)]
struct Day {
    sessions: i64,
    scores: BTreeMap<String, Scores>,
}

/// Counts of some days.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CountedDays {
    days: BTreeMap<NaiveDate, Day>,
    words: i64,
    types: BTreeMap<String, TypeStats>,
    topics: BTreeMap<String, i64>,
    areas: BTreeMap<String, i64>,
}

impl CountedDays {
    /// How many sessions the counts of one day are of.
    pub fn sessions<'a>(counts: impl IntoIterator<Item = (&'a str, i64)>) -> i64 {
        let of_types = counts.into_iter().filter(|(key, _)| key.starts_with("n:"));
        of_types.map(|(_, count)| count).sum()
    }

    /// Adds a count of a day; `None` if there is no such key.
    #[must_use]
    pub fn add(&mut self, date: NaiveDate, key: &str, count: i64) -> Option<()> {
        let (letter, name) = key.split_once(':')?;
        let day = self.days.entry(date).or_default();
        match letter {
            "n" => {
                day.sessions += count;
                change(&mut self.types, name, |kind| kind.count += count);
            }
            "s" => change(&mut self.types, name, |kind| kind.seconds += count),
            "w" => self.words += count,
            "c" => change(&mut day.scores, name, |scores| scores.count += count),
            "b" => change(&mut day.scores, name, |scores| scores.billionths += count),
            "t" => change(&mut self.topics, name, |sum| *sum += count),
            "a" => change(&mut self.areas, name, |sum| *sum += count),
            _ => return None,
        }
        Some(())
    }

    /// Adds a session that the counts do not hold.
    pub fn add_session(&mut self, session: &Outcome) {
        for (key, count) in counts(session) {
            // Its keys are those that there are.
            let _ = self.add(session.start_date, &key, count);
        }
    }

    /// What it all comes to.
    #[must_use]
    pub fn stats(self) -> SessionStats {
        let mut all = BTreeMap::<&String, Scores>::new();
        for (name, scores) in self.days.values().flat_map(|day| &day.scores) {
            let sum = all.entry(name).or_default();
            sum.count += scores.count;
            sum.billionths += scores.billionths;
        }
        let means = all
            .into_iter()
            .map(|(name, sum)| (name.clone(), sum.mean()));
        SessionStats {
            total_sessions: self.types.values().map(|kind| kind.count).sum(),
            total_seconds: self.types.values().map(|kind| kind.seconds).sum(),
            total_words_spoken: self.words,
            average_scores: means.collect(),
            common_topics: most_frequent(&self.topics),
            areas_to_improve: most_frequent(&self.areas),
            sessions_by_type: self.types,
            score_trend: self.days.into_iter().map(point).collect(),
        }
    }
}

fn point((date, day): (NaiveDate, Day)) -> ScorePoint {
    let scores = day.scores.into_iter();
    ScorePoint {
        date,
        scores: scores.map(|(name, sum)| (name, sum.mean())).collect(),
        sessions: day.sessions,
    }
}

fn most_frequent(counts: &BTreeMap<String, i64>) -> Vec<TermCount> {
    most(
        counts.iter().map(|(term, count)| (&**term, *count)),
        MOST_FREQUENT,
    )
}

/// Changes the value of a name, which is most often there already.
fn change<T: Default>(map: &mut BTreeMap<String, T>, name: &str, change: impl FnOnce(&mut T)) {
    if let Some(value) = map.get_mut(name) {
        change(value);
    } else {
        change(map.entry(name.to_owned()).or_default());
    }
}
