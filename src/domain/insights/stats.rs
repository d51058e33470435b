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

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use foldhash::fast::RandomState;

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

/// What is told of each day.
#[derive(Clone, Debug, Default)]
struct Day {
    sessions: i64,
    /// By number.
    scores: Vec<(ScoreNumber, Scores)>,
}

impl Day {
    /// There is always one.
    fn score(&mut self, number: ScoreNumber) -> Option<&mut Scores> {
        let place = self.scores.binary_search_by_key(&number, |(of, _)| *of);
        let place = place.unwrap_or_else(|place| {
            self.scores.insert(place, (number, Scores::default()));
            place
        });
        self.scores.get_mut(place).map(|(_, scores)| scores)
    }
}

/// Stands for a score's name, as each day has the same few.
type ScoreNumber = usize;

/// The counts of a key.
#[derive(Clone, Copy, Debug)]
struct Sum {
    count: i64,
    of_day: OfDay,
}

/// What the count of a key tells of its day.
#[derive(Clone, Copy, Debug)]
enum OfDay {
    Sessions,
    ScoreCount(ScoreNumber),
    ScoreBillionths(ScoreNumber),
    Nothing,
}

/// Counts of some days.
#[derive(Clone, Debug, Default)]
pub struct CountedDays {
    days: BTreeMap<NaiveDate, Day>,
    /// Of all days, by key. A year has thousands of counts to add, of some dozens of keys: what a
    /// key is gets looked at once.
    sums: HashMap<String, Sum, RandomState>,
    score_names: BTreeMap<String, ScoreNumber>,
}

impl CountedDays {
    /// How many sessions the counts of one day are of.
    pub fn sessions<'a>(counts: impl IntoIterator<Item = (&'a str, i64)>) -> i64 {
        // Byte by byte, which is no call for each count.
        let of_type = |key: &str| matches!(key.as_bytes(), [b'n', b':', ..]);
        let of_types = counts.into_iter().filter(|(key, _)| of_type(key));
        of_types.map(|(_, count)| count).sum()
    }

    /// Adds counts of a day; `None` if there is no such key.
    #[must_use]
    pub fn add<'a>(
        &mut self,
        date: NaiveDate,
        counts: impl IntoIterator<Item = (&'a str, i64)>,
    ) -> Option<()> {
        let day = self.days.entry(date).or_default();
        for (key, count) in counts {
            let sum = if let Some(sum) = self.sums.get_mut(key) {
                sum
            } else {
                let of_day = of_day(key, &mut self.score_names)?;
                let sum = self.sums.entry(key.to_owned());
                sum.or_insert(Sum { count: 0, of_day })
            };
            sum.count += count;
            match sum.of_day {
                OfDay::Sessions => day.sessions += count,
                OfDay::ScoreCount(name) => day.score(name)?.count += count,
                OfDay::ScoreBillionths(name) => day.score(name)?.billionths += count,
                OfDay::Nothing => {}
            }
        }
        Some(())
    }

    /// Adds a session that the counts do not hold.
    pub fn add_session(&mut self, session: &Outcome) {
        let counts = counts(session);
        let pairs = counts.iter().map(|(key, count)| (&**key, *count));
        // Its keys are those that there are.
        let _ = self.add(session.start_date, pairs);
    }

    /// What it all comes to.
    #[must_use]
    pub fn stats(self) -> SessionStats {
        let mut stats = SessionStats::default();
        let mut scores = BTreeMap::<_, Scores>::new();
        let (mut topics, mut areas) = (Vec::new(), Vec::new());
        for (key, sum) in &self.sums {
            let sum = sum.count;
            let types = &mut stats.sessions_by_type;
            match key.split_at_checked(2) {
                Some(("n:", name)) => change(types, name, |kind| kind.count = sum),
                Some(("s:", name)) => change(types, name, |kind| kind.seconds = sum),
                Some(("w:", _)) => stats.total_words_spoken = sum,
                Some(("c:", name)) => change(&mut scores, name, |one| one.count = sum),
                Some(("b:", name)) => change(&mut scores, name, |one| one.billionths = sum),
                Some(("t:", name)) => topics.push((name, sum)),
                Some(("a:", name)) => areas.push((name, sum)),
                // There are no others.
                _ => {}
            }
        }
        let types = || stats.sessions_by_type.values();
        stats.total_sessions = types().map(|kind| kind.count).sum();
        stats.total_seconds = types().map(|kind| kind.seconds).sum();
        let scores = scores.into_iter();
        stats.average_scores = scores.map(|(name, sum)| (name, sum.mean())).collect();
        stats.common_topics = most(topics, MOST_FREQUENT);
        stats.areas_to_improve = most(areas, MOST_FREQUENT);
        stats.score_trend = self.points();
        stats
    }

    fn points(&self) -> Vec<ScorePoint> {
        let mut names: Vec<_> = self
            .score_names
            .iter()
            .map(|(name, of)| (of, name))
            .collect();
        names.sort_unstable();
        let points = self.days.iter().map(|(date, day)| {
            // One by one, as a map that is collected is sorted first, in memory of its own.
            let mut means = BTreeMap::new();
            for (number, scores) in &day.scores {
                if let Some((_, name)) = names.get(*number) {
                    means.insert((*name).clone(), scores.mean());
                }
            }
            ScorePoint {
                date: *date,
                scores: means,
                sessions: day.sessions,
            }
        });
        points.collect()
    }
}

/// What a count of the key tells of its day; `None` if there is no such key. A new name of a score
/// gets the next number.
fn of_day(key: &str, score_names: &mut BTreeMap<String, ScoreNumber>) -> Option<OfDay> {
    let mut number = |name: &str| {
        let next = score_names.len();
        *score_names.entry(name.to_owned()).or_insert(next)
    };
    Some(match key.split_at_checked(2)? {
        ("n:", _) => OfDay::Sessions,
        ("c:", name) => OfDay::ScoreCount(number(name)),
        ("b:", name) => OfDay::ScoreBillionths(number(name)),
        ("s:" | "w:" | "t:" | "a:", _) => OfDay::Nothing,
        _ => return None,
    })
}

/// Changes the value of a name, which is most often there already.
fn change<T: Default>(map: &mut BTreeMap<String, T>, name: &str, change: impl FnOnce(&mut T)) {
    if let Some(value) = map.get_mut(name) {
        change(value);
    } else {
        change(map.entry(name.to_owned()).or_default());
    }
}
