//! What metrics say in words: strengths, areas for improvement, recommendations.
//!
//! The rules, by metric and in the order of [`Metric::ALL`]; all thresholds are the constants
//! below. Every sentence carries the figure that it rests on, and without enough observations
//! nothing is said.
//!
//! | what | strength | area for improvement |
//! |---|---|---|
//! | test average, flashcard mastery | 85% or more | below 70% |
//! | attendance, once 7 days have begun | 75% or more | below 40% |
//! | study time, assignments: rank in the tenant | 75 or more | 25 or less |
//! | any metric's trend | improving | declining |
//!
//! Each metric with an area for improvement gets one recommendation.

use super::{
    figures::{Figures, Metric},
    trend::{Trend, min_sample, trend},
};
use crate::domain::hundredths::Hundredths;

/// A percentage from which a metric is a strength.
const STRONG: Hundredths = Hundredths(8_500);
/// A percentage below which it is an area for improvement.
const WEAK: Hundredths = Hundredths(7_000);
/// The same of attendance, as nobody practises every day.
const STRONG_ATTENDANCE: Hundredths = Hundredths(7_500);
const WEAK_ATTENDANCE: Hundredths = Hundredths(4_000);
/// Days that must have begun before attendance says anything.
const MIN_DAYS: i64 = 7;
/// Ranks among the tenant's active users from which, and up to which, an amount is remarkable.
const HIGH_RANK: i32 = 75;
const LOW_RANK: i32 = 25;

/// A metric of a period and of the period before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MetricReport {
    pub metric: Metric,
    pub previous: Figures,
    pub current: Figures,
    pub trend: Trend,
    pub percentile_rank: Option<i32>,
}

impl MetricReport {
    #[must_use]
    pub fn new(
        metric: Metric,
        previous: Figures,
        current: Figures,
        percentile_rank: Option<i32>,
    ) -> Self {
        Self {
            metric,
            previous,
            current,
            trend: trend(metric, &previous, &current),
            percentile_rank,
        }
    }
}

/// Sentences for people to read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Advice {
    pub strengths: Vec<String>,
    pub areas_for_improvement: Vec<String>,
    pub recommendations: Vec<String>,
}

/// What the rules say of these metrics.
#[must_use]
pub fn advise(reports: &[MetricReport]) -> Advice {
    let mut advice = Advice::default();
    for report in reports {
        let areas = advice.areas_for_improvement.len();
        judge_level(report, &mut advice);
        judge_rank(report, &mut advice);
        judge_trend(report, &mut advice);
        if advice.areas_for_improvement.len() > areas {
            advice.recommendations.push(recommendation(report));
        }
    }
    advice
}

fn judge_level(report: &MetricReport, advice: &mut Advice) {
    let (metric, figures) = (report.metric, &report.current);
    let (weak, strong, enough) = match metric {
        Metric::Attendance => (WEAK_ATTENDANCE, STRONG_ATTENDANCE, figures.days >= MIN_DAYS),
        _ => (
            WEAK,
            STRONG,
            figures.sample_size(metric) >= min_sample(metric),
        ),
    };
    let Some(level) = figures
        .percentage(metric)
        .filter(|_| enough && figures.has(metric))
    else {
        return;
    };
    let what = format!("{}: {}", name(metric), measure(metric, figures));
    if level >= strong {
        advice
            .strengths
            .push(format!("{what}, which is {strong}% or more."));
    } else if level < weak {
        advice
            .areas_for_improvement
            .push(format!("{what}, which is below {weak}%."));
    }
}

/// Of amounts there is no level that is good for everyone, but there is what others do.
fn judge_rank(report: &MetricReport, advice: &mut Advice) {
    let metric = report.metric;
    let Some(rank) = report.percentile_rank.filter(|_| !metric.is_percentage()) else {
        return;
    };
    let sentence = format!(
        "{}: {}; {rank}% of the tenant's active users did as much or less.",
        name(metric),
        measure(metric, &report.current)
    );
    if rank >= HIGH_RANK {
        advice.strengths.push(sentence);
    } else if rank <= LOW_RANK {
        advice.areas_for_improvement.push(sentence);
    }
}

fn judge_trend(report: &MetricReport, advice: &mut Advice) {
    let metric = report.metric;
    let (list, verb) = match report.trend {
        Trend::Improving => (&mut advice.strengths, "improving"),
        Trend::Declining => (&mut advice.areas_for_improvement, "declining"),
        Trend::Stable | Trend::InsufficientData => return,
    };
    list.push(format!(
        "{} is {verb}: {}, after {} in the period before.",
        name(metric),
        measure(metric, &report.current),
        measure(metric, &report.previous)
    ));
}

fn recommendation(report: &MetricReport) -> String {
    let figures = &report.current;
    let so_far = measure(report.metric, figures);
    match report.metric {
        Metric::StudyTime => {
            let sessions = counted(figures.tally.sessions, "session");
            format!("Plan short sessions on fixed days: {sessions} came to {so_far}.")
        }
        Metric::TestAverage => format!("Go over past tests before the next one: {so_far}."),
        Metric::FlashcardMastery => {
            let missed = figures.tally.flashcards - figures.tally.flashcards_correct;
            let all = counted(figures.tally.flashcards, "item");
            format!("Repeat the flashcards that were missed: {missed} of {all}.")
        }
        Metric::AssignmentCompletion => {
            format!("Set time aside for assignments: {so_far}.")
        }
        Metric::Attendance => format!("Practise on more days, if briefly: {so_far}."),
    }
}

const fn name(metric: Metric) -> &'static str {
    match metric {
        Metric::StudyTime => "Study time",
        Metric::TestAverage => "Test average",
        Metric::FlashcardMastery => "Flashcard mastery",
        Metric::AssignmentCompletion => "Assignment work",
        Metric::Attendance => "Attendance",
    }
}

/// A metric with what it rests on.
fn measure(metric: Metric, figures: &Figures) -> String {
    let percent = figures.percentage(metric).unwrap_or_default();
    let days = counted(figures.days, "day");
    match metric {
        Metric::StudyTime => format!("{} in {days}", counted(figures.minutes(), "minute")),
        Metric::TestAverage => {
            format!("{percent}% over {}", counted(figures.tally.tests, "test"))
        }
        Metric::FlashcardMastery => {
            format!(
                "{percent}% of {}",
                counted(figures.tally.flashcards, "item")
            )
        }
        Metric::AssignmentCompletion => {
            let items = counted(figures.tally.assignment_items, "item");
            format!("{items} in {days}")
        }
        Metric::Attendance => format!("{percent}%, {} of {days}", figures.attended),
    }
}

/// So many of something, in words.
#[must_use]
pub fn counted(count: i64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::insights::tally::Tally;

    fn figures(tally: Tally, attended: i64, days: i64) -> Figures {
        Figures {
            tally,
            attended,
            days,
        }
    }

    fn tests(tests: i64, percent: i64) -> Figures {
        let tally = Tally {
            tests,
            test_accuracy: tests * percent * 100,
            ..Tally::default()
        };
        figures(tally, 0, 30)
    }

    fn advice(metric: Metric, previous: Figures, current: Figures, rank: Option<i32>) -> Advice {
        advise(&[MetricReport::new(metric, previous, current, rank)])
    }

    #[test]
    fn a_high_percentage_is_a_strength_and_a_low_one_is_not() {
        let of = |percent| {
            advice(
                Metric::TestAverage,
                tests(0, 0),
                tests(3, percent),
                Some(99),
            )
        };
        assert_eq!(
            of(85).strengths,
            ["Test average: 85% over 3 tests, which is 85% or more."]
        );
        assert_eq!(of(84), Advice::default());
        assert_eq!(of(70), Advice::default());
        let weak = of(69);
        assert_eq!(
            weak.areas_for_improvement,
            ["Test average: 69% over 3 tests, which is below 70%."]
        );
        assert_eq!(
            weak.recommendations,
            ["Go over past tests before the next one: 69% over 3 tests."]
        );
        let few = advice(Metric::TestAverage, tests(0, 0), tests(2, 10), None);
        assert_eq!(few, Advice::default());
    }

    #[test]
    fn attendance_waits_for_a_week() {
        let of = |attended, days| {
            let none = Figures::default();
            let sessions = Tally {
                sessions: attended,
                ..Tally::default()
            };
            advice(
                Metric::Attendance,
                none,
                figures(sessions, attended, days),
                None,
            )
        };
        assert_eq!(of(1, 6), Advice::default());
        assert_eq!(
            of(2, 7).areas_for_improvement,
            ["Attendance: 28.57%, 2 of 7 days, which is below 40%."]
        );
        assert_eq!(
            of(2, 7).recommendations,
            ["Practise on more days, if briefly: 28.57%, 2 of 7 days."]
        );
        assert_eq!(
            of(6, 8).strengths,
            ["Attendance: 75%, 6 of 8 days, which is 75% or more."]
        );
        assert_eq!(of(0, 30), Advice::default());
    }

    #[test]
    fn an_amount_is_judged_by_what_others_do() {
        let study = Tally {
            sessions: 2,
            active_seconds: 3_600,
            ..Tally::default()
        };
        let of = |rank| {
            let none = Figures::default();
            advice(Metric::StudyTime, none, figures(study, 2, 30), rank)
        };
        assert_eq!(of(None), Advice::default());
        assert_eq!(of(Some(26)), Advice::default());
        assert_eq!(of(Some(74)), Advice::default());
        assert_eq!(
            of(Some(75)).strengths,
            [
                "Study time: 60 minutes in 30 days; 75% of the tenant's active users did as much or \
              less."
            ]
        );
        assert_eq!(
            of(Some(25)).recommendations,
            ["Plan short sessions on fixed days: 2 sessions came to 60 minutes in 30 days."]
        );
    }

    #[test]
    fn a_trend_tells_both_periods() {
        let rising = advice(Metric::TestAverage, tests(3, 72), tests(4, 80), None);
        assert_eq!(
            rising.strengths,
            [
                "Test average is improving: 80% over 4 tests, after 72% over 3 tests in the period \
              before."
            ]
        );
        let falling = advice(Metric::TestAverage, tests(3, 92), tests(4, 85), None);
        assert_eq!(falling.strengths.len(), 1);
        assert_eq!(
            falling.areas_for_improvement,
            [
                "Test average is declining: 85% over 4 tests, after 92% over 3 tests in the period \
              before."
            ]
        );
    }

    fn any_figures() -> impl Strategy<Value = Figures> {
        let count = || 0_i64..40;
        (
            (count(), 0_i64..90_000),
            (count(), 0_i64..=10_000),
            (0_i64..99, 0_i64..99),
            count(),
        )
            .prop_map(
                |((sessions, seconds), (tests, accuracy), cards, items)| Figures {
                    tally: Tally {
                        sessions,
                        active_seconds: seconds,
                        tests,
                        test_accuracy: tests * accuracy,
                        flashcards: cards.0.max(cards.1),
                        flashcards_correct: cards.0.min(cards.1),
                        assignments: items.min(7),
                        assignment_items: items,
                    },
                    attended: sessions.min(30),
                    days: 30,
                },
            )
    }

    proptest! {
        #[test]
        fn every_sentence_carries_a_figure_and_every_area_advice(
            previous in any_figures(),
            current in any_figures(),
            rank in prop::option::of(0_i32..=100),
        ) {
            let reports = Metric::ALL.map(|metric| {
                MetricReport::new(metric, previous, current, rank)
            });
            let advice = advise(&reports);
            let all = [&advice.strengths, &advice.areas_for_improvement, &advice.recommendations];
            for sentence in all.into_iter().flatten() {
                prop_assert!(sentence.contains(|c: char| c.is_ascii_digit()), "{sentence}");
            }
            let none = advice.areas_for_improvement.is_empty();
            prop_assert_eq!(none, advice.recommendations.is_empty());
            prop_assert!(advice.recommendations.len() <= advice.areas_for_improvement.len());
        }
    }

    #[test]
    fn nothing_done_is_nothing_said() {
        let none = figures(Tally::default(), 0, 30);
        let reports = Metric::ALL.map(|metric| MetricReport::new(metric, none, none, None));
        assert_eq!(advise(&reports), Advice::default());
    }
}
