//! What was remarkable about a week, in words.
//!
//! The rules, in the order of the sentences; all thresholds are the constants below. Every
//! sentence carries the figure that it rests on, and nothing done is nothing said.
//!
//! | what | is told |
//! |---|---|
//! | days with a completed session | from 3 of those that have begun, or all of at least 2 |
//! | the streak at the end | from 3 days |
//! | the day with the most time | of at least 2 with time; the earliest of equal ones |
//! | the subject of most completed sessions | from half of at least 2 |
//! | points | any |
//! | the metrics, against the week before | what [`advise`] counts among the strengths |

use super::{
    advice::{MetricReport, advise, counted},
    calendar::CalendarDay,
    report::UserReport,
    subjects::SubjectCount,
};
use crate::domain::hundredths::Hundredths;

/// Practised days from which they are worth a word.
const MANY_DAYS: i64 = 3;
/// Days without a gap from which they are.
const ALL_DAYS: i64 = 2;
/// Days of a streak from which it is.
const LONG_STREAK: i64 = 3;
/// Days with time of which one may stand out.
const COMPARED_DAYS: usize = 2;
/// Completed sessions of which one subject may have the most.
const COMPARED_SESSIONS: i64 = 2;
/// The share of them that it must have.
const MAIN_SHARE: Hundredths = Hundredths(5_000);

/// What the rules say of a report, its metrics, and its subjects, the one with the most sessions
/// first.
#[must_use]
pub fn highlights(
    report: &UserReport,
    metrics: &[MetricReport],
    subjects: &[SubjectCount],
) -> Vec<String> {
    let summary = &report.summary;
    let (practised, begun) = (summary.practised_days, summary.begun_days);
    let mut told = Vec::new();
    if summary.streak_maintained && practised >= ALL_DAYS {
        told.push(format!("Practised on every day: {practised} of {begun}."));
    } else if practised >= MANY_DAYS {
        told.push(format!("Practised on {practised} of {begun} days."));
    }
    if summary.streak_days >= LONG_STREAK {
        let days = counted(summary.streak_days, "day");
        told.push(format!("The streak stands at {days}."));
    }
    told.extend(longest_day(report));
    told.extend(main_subject(report, subjects));
    let points = summary.effort.points_earned;
    if points > 0 {
        told.push(format!("{} earned.", counted(points, "point")));
    }
    told.extend(advise(metrics).strengths);
    told
}

fn longest_day(report: &UserReport) -> Option<String> {
    let with_time = report.days.iter().filter(|day| day.active_seconds >= 60);
    if with_time.clone().count() < COMPARED_DAYS {
        return None;
    }
    let most = |best: &CalendarDay, day: &CalendarDay| day.active_seconds > best.active_seconds;
    let best = with_time.reduce(|best, day| if most(best, day) { day } else { best })?;
    Some(format!(
        "Most time on {}: {} of {}.",
        best.date,
        counted(best.active_seconds / 60, "minute"),
        report.summary.minutes()
    ))
}

fn main_subject(report: &UserReport, subjects: &[SubjectCount]) -> Option<String> {
    let (first, all) = (subjects.first()?, report.summary.totals.completed);
    let share = Hundredths::percent(first.sessions, all)?;
    if all < COMPARED_SESSIONS || share < MAIN_SHARE {
        return None;
    }
    let subject = &first.subject;
    let named = Some(&subject.name).filter(|name| !name.is_empty());
    Some(format!(
        "Mostly about {}: {} of {}.",
        named.unwrap_or(&subject.id),
        first.sessions,
        counted(all, "completed session")
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{
        calendar::plus_days,
        insights::{
            effort::Effort,
            figures::{Figures, Metric},
            practice::PracticeTotals,
            report::Summary,
        },
        period::DateRange,
        session::Subject,
        time::FIRST_DATE,
    };

    fn week(seconds: [i64; 7], summary: Summary) -> UserReport {
        let start: chrono::NaiveDate = "2026-11-16".parse().unwrap();
        let days = (0..)
            .zip(seconds)
            .map(|(offset, active_seconds)| CalendarDay {
                active_seconds,
                ..CalendarDay::empty(plus_days(start, offset))
            });
        UserReport {
            range: DateRange {
                start,
                end: plus_days(start, 6),
            },
            days: days.collect(),
            summary: Summary {
                active_seconds: seconds.iter().sum(),
                ..summary
            },
        }
    }

    fn about(name: &str, sessions: i64) -> SubjectCount {
        SubjectCount {
            subject: Subject {
                kind: "course".to_owned(),
                id: "algebra".to_owned(),
                name: name.to_owned(),
            },
            sessions,
            seconds: 0,
        }
    }

    fn completed(completed: i64) -> PracticeTotals {
        PracticeTotals {
            ended: completed,
            completed,
            ..PracticeTotals::default()
        }
    }

    #[test]
    fn a_good_week_is_told_with_its_figures() {
        let summary = Summary {
            begun_days: 5,
            practised_days: 4,
            streak_days: 3,
            totals: completed(4),
            effort: Effort {
                points_earned: 1,
                ..Effort::default()
            },
            ..Summary::default()
        };
        let report = week([600, 1_859, 0, 1_859, 60, 0, 0], summary);
        assert_eq!(
            highlights(&report, &[], &[about("Algebra", 2), about("", 1)]),
            [
                "Practised on 4 of 5 days.",
                "The streak stands at 3 days.",
                "Most time on 2026-11-17: 30 minutes of 72.",
                "Mostly about Algebra: 2 of 4 completed sessions.",
                "1 point earned.",
            ]
        );
    }

    #[test]
    fn what_is_below_its_threshold_is_not_told() {
        let summary = Summary {
            begun_days: 7,
            practised_days: 2,
            streak_days: 2,
            totals: completed(5),
            ..Summary::default()
        };
        let report = week([600, 59, 0, 0, 0, 0, 0], summary);
        assert!(highlights(&report, &[], &[about("Algebra", 2)]).is_empty());
        let one = Summary {
            begun_days: 1,
            practised_days: 1,
            streak_days: 1,
            streak_maintained: true,
            totals: completed(1),
            ..Summary::default()
        };
        let report = week([600, 0, 0, 0, 0, 0, 0], one);
        assert!(highlights(&report, &[], &[about("Algebra", 1)]).is_empty());
        let both = Summary {
            begun_days: 2,
            practised_days: 2,
            totals: completed(2),
            ..one
        };
        let report = week([60, 60, 0, 0, 0, 0, 0], both);
        assert_eq!(
            highlights(&report, &[], &[about("", 2)]),
            [
                "Practised on every day: 2 of 2.",
                "Most time on 2026-11-16: 1 minute of 2.",
                "Mostly about algebra: 2 of 2 completed sessions.",
            ]
        );
    }

    #[test]
    fn what_the_week_before_was_like_is_told_by_the_rules_of_advice() {
        let of = |seconds| Figures {
            tally: crate::domain::insights::tally::Tally {
                sessions: 3,
                active_seconds: seconds,
                ..Default::default()
            },
            attended: 3,
            days: 7,
        };
        let metric = MetricReport::new(Metric::StudyTime, of(3_600), of(7_200), None);
        assert_eq!(
            highlights(&week([0; 7], Summary::default()), &[metric], &[]),
            [
                "Study time is improving: 120 minutes in 7 days, after 60 minutes in 7 days in the \
              period before."
            ]
        );
    }

    proptest! {
        #[test]
        fn every_sentence_carries_a_figure(
            seconds in prop::array::uniform7(0_i64..9_000),
            (practised, begun) in (0_i64..8, 0_i64..8),
            streak_days in 0_i64..400,
            streak_maintained: bool,
            (done, mine, points) in (0_i64..9, 0_i64..9, 0_i64..9),
        ) {
            let summary = Summary {
                begun_days: begun,
                practised_days: practised,
                streak_days,
                streak_maintained,
                totals: completed(done),
                effort: Effort { points_earned: points, ..Effort::default() },
                ..Summary::default()
            };
            let report = week(seconds, summary);
            for sentence in highlights(&report, &[], &[about("Algebra", mine.min(done))]) {
                prop_assert!(sentence.contains(|c: char| c.is_ascii_digit()), "{sentence}");
            }
        }
    }

    #[test]
    fn nothing_done_is_nothing_said() {
        let range = DateRange {
            start: FIRST_DATE,
            end: plus_days(FIRST_DATE, 6),
        };
        let report = UserReport {
            range,
            days: Vec::new(),
            summary: Summary::default(),
        };
        assert!(highlights(&report, &[], &[]).is_empty());
    }
}
