//! Figures side by side: subjects, periods, or a user and the tenant's mean.

use super::{
    cohort::Cohort,
    figures::{Figures, Metric},
    performance::SubjectTally,
    tally::Tally,
};
use crate::domain::{
    hundredths::Hundredths,
    period::{DateRange, Granularity},
    session::Subject,
};

/// Subjects that one comparison names: those with the most study time.
pub const MAX_SUBJECTS: usize = 100;

/// One side of a comparison.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The subject's name, the period, or "you" and "cohort".
    pub label: String,
    pub subject: Option<Subject>,
    pub study_minutes: i64,
    /// `None` without a test.
    pub test_average: Option<Hundredths>,
    pub sessions: i64,
}

impl Entry {
    fn of(label: String, tally: Tally) -> Self {
        let figures = Figures {
            tally,
            ..Figures::default()
        };
        Self {
            label,
            subject: None,
            study_minutes: figures.minutes(),
            test_average: figures.percentage(Metric::TestAverage),
            sessions: tally.sessions,
        }
    }
}

/// The [`MAX_SUBJECTS`] subjects with the most study time, most first; equal times by type and
/// id.
#[must_use]
pub fn by_subject(mut subjects: Vec<SubjectTally>) -> Vec<Entry> {
    subjects.sort_by(|a, b| {
        let (a, b) = (&a.subject, &b.subject);
        (&a.kind, &a.id).cmp(&(&b.kind, &b.id))
    });
    let sides = subjects.into_iter().map(|one| {
        let entry = Entry::of(one.subject.name.clone(), one.tally);
        let subject = Some(one.subject);
        (one.tally, Entry { subject, ..entry })
    });
    let mut entries = ranked(sides.collect());
    entries.truncate(MAX_SUBJECTS);
    entries
}

/// Those of the periods, oldest first, in which anything was done. Most study time first; of
/// equal times the later period.
#[must_use]
pub fn by_period(granularity: Granularity, periods: &[(DateRange, Tally)]) -> Vec<Entry> {
    let newest_first = periods.iter().rev();
    let sides = newest_first
        .filter(|(_, tally)| !tally.is_empty())
        .map(|(range, tally)| (*tally, Entry::of(granularity.label(*range), *tally)));
    ranked(sides.collect())
}

/// The user and the mean of the tenant's active users, the user among them: their time and
/// sessions by user, their tests taken together. Nothing if nobody was active; of equal times
/// the user first.
#[must_use]
pub fn by_cohort(cohort: &Cohort) -> Vec<Entry> {
    if cohort.users == 0 {
        return Vec::new();
    }
    let total = cohort.total;
    let mean = Tally {
        active_seconds: total.active_seconds / cohort.users,
        // To the nearest whole session, a half up.
        sessions: (2 * total.sessions + cohort.users) / (2 * cohort.users),
        ..total
    };
    let own = cohort.own.tally;
    ranked(vec![
        (own, Entry::of("you".to_owned(), own)),
        (mean, Entry::of("cohort".to_owned(), mean)),
    ])
}

/// Most study time first, to the second; equal times stay as they are.
fn ranked(mut sides: Vec<(Tally, Entry)>) -> Vec<Entry> {
    sides.sort_by_key(|(tally, _)| std::cmp::Reverse(tally.active_seconds));
    sides.into_iter().map(|(_, entry)| entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(active_seconds: i64, sessions: i64) -> Tally {
        Tally {
            sessions,
            active_seconds,
            ..Tally::default()
        }
    }

    fn kept(kind: &str, id: &str, tally: Tally) -> SubjectTally {
        SubjectTally {
            subject: subject(kind, id),
            last_date: "2026-11-20".parse().unwrap(),
            tally,
        }
    }

    fn subject(kind: &str, id: &str) -> Subject {
        Subject {
            kind: kind.to_owned(),
            id: id.to_owned(),
            name: format!("{kind} {id}"),
        }
    }

    fn labels(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| &*entry.label).collect()
    }

    #[test]
    fn subjects_come_by_study_time_and_then_by_type_and_id() {
        let entries = by_subject(vec![
            kept("course", "b", tally(60, 1)),
            kept("class", "z", tally(60, 1)),
            kept("course", "a", tally(60, 2)),
            kept("course", "c", tally(61, 1)),
        ]);
        assert_eq!(
            labels(&entries),
            ["course c", "class z", "course a", "course b"]
        );
        // To the second, though minutes are shown.
        assert!(entries.iter().all(|entry| entry.study_minutes == 1));
        let third = entries.into_iter().nth(2).unwrap();
        assert_eq!(third.subject, Some(subject("course", "a")));
    }

    #[test]
    fn a_hundred_subjects_are_named() {
        let many = (0..150).map(|n| kept("course", &n.to_string(), tally(n, 1)));
        let entries = by_subject(many.collect());
        assert_eq!(entries.len(), 100);
        assert_eq!(entries.last().unwrap().label, "course 50");
    }

    #[test]
    fn periods_without_anything_are_left_out() {
        let months = Granularity::Month.last(4, "2026-11-20".parse().unwrap());
        let tallies = [tally(60, 1), tally(0, 0), tally(60, 3), tally(90, 1)];
        let periods: Vec<_> = months.into_iter().zip(tallies).collect();
        let entries = by_period(Granularity::Month, &periods);
        assert_eq!(labels(&entries), ["2026-11", "2026-10", "2026-08"]);
    }

    #[test]
    fn the_cohort_is_the_mean_of_the_active() {
        let with_test = |seconds, sessions, accuracy| Tally {
            tests: 1,
            test_accuracy: accuracy,
            ..tally(seconds, sessions)
        };
        let figures = |tally| Figures {
            tally,
            attended: 1,
            days: 30,
        };
        let own = figures(with_test(600, 1, 8_000));
        let mut cohort = Cohort {
            own,
            ..Cohort::default()
        };
        cohort.add(&own);
        cohort.add(&figures(with_test(1_230, 2, 9_001)));
        cohort.add(&Figures::default());
        let entries = by_cohort(&cohort);
        // 1,830 seconds and 3 sessions of two users; 80 and 90.01 percent of two tests.
        let told: Vec<_> = entries
            .iter()
            .map(|entry| {
                (
                    &*entry.label,
                    entry.study_minutes,
                    entry.sessions,
                    entry.test_average,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("cohort", 15, 2, Some(Hundredths(8_501))),
                ("you", 10, 1, Some(Hundredths(8_000))),
            ]
        );
        assert!(by_cohort(&Cohort::default()).is_empty());
    }
}
