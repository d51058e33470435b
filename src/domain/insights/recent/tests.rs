use proptest::prelude::*;

use super::*;
use crate::domain::{
    calendar::plus_days,
    insights::stats::{CountedDays, SessionStats, kept_counts},
    time::FIRST_DATE,
};

/// The statistics of sessions, none of which is in the counts.
fn session_stats(sessions: &[Outcome]) -> SessionStats {
    let mut days = CountedDays::default();
    for session in sessions {
        days.add_session(session);
    }
    days.stats()
}

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
    fn what_is_kept_of_days_comes_to_the_same(sessions in outcomes()) {
        let mut kept = BTreeMap::<_, BTreeMap<_, i64>>::new();
        for session in &sessions {
            let day = kept.entry(session.start_date).or_default();
            for (key, count) in kept_counts(session) {
                *day.entry(key).or_default() += count;
            }
        }
        let mut days = CountedDays::default();
        let mut counted = 0;
        for (date, day) in &kept {
            let pairs = || day.iter().map(|(key, count)| (&**key, *count));
            prop_assert!(days.add(*date, pairs()).is_some());
            counted += CountedDays::sessions(pairs());
        }
        prop_assert_eq!(usize::try_from(counted).unwrap(), sessions.len());
        prop_assert_eq!(days.stats(), session_stats(&sessions));
    }

    #[test]
    fn no_hour_of_a_whole_day_is_outside_of_its_window(
        now in 0_i64..2_000_000_000,
        hours in 0_u64..900,
    ) {
        let now = Timestamp::from_micros(now * 1_000_000);
        let window = Window::Until { now, span: Duration::from_hours(hours) };
        let whole = window.whole_days();
        let (from, until) = window.instants();
        if let Some(whole) = whole {
            // In the zones that are furthest from UTC.
            let first: Timestamp = whole.start.and_time(NaiveTime::MIN).and_utc().into();
            let last: Timestamp = plus_days(whole.end, 1).and_time(NaiveTime::MIN).and_utc().into();
            prop_assert!(first.before(Duration::from_hours(14)) >= from);
            prop_assert!(last + Duration::from_hours(12) <= until);
        }
        // And most days are whole.
        let days = whole.map_or(0, |whole| whole.days_until(whole.end));
        prop_assert!(days >= i64::try_from(hours / 24).unwrap() - 3, "{days}");
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
fn a_key_of_no_kind_is_not_taken() {
    for key in ["", "n", "x:solo", "topic", "é:solo", "näh"] {
        let added = CountedDays::default().add(FIRST_DATE, [("n:solo", 1), (key, 1)]);
        assert_eq!(added, None, "{key}");
    }
}

#[test]
fn nothing_adds_up_to_nothing() {
    assert_eq!(session_stats(&[]), SessionStats::default());
    assert_eq!(warmup(&[]), Warmup::default());
}

#[test]
fn who_says_too_much_is_not_kept() {
    let session = |topics: usize| Outcome {
        session_type: "solo".to_owned(),
        start_date: FIRST_DATE,
        seconds: 1,
        result: Some(SessionResult {
            topics: (0..topics).map(|number| number.to_string()).collect(),
            ..SessionResult::default()
        }),
    };
    // Sessions, seconds and words are three.
    assert_eq!(kept_counts(&session(97)).len(), 100);
    assert_eq!(kept_counts(&session(98)), []);
}
