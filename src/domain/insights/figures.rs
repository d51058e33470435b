//! The metrics of a period, and what each is made of.

use std::ops::Add;

use chrono::NaiveDate;

use super::tally::{DaySet, Tally};
use crate::domain::{
    hundredths::{Hundredths, float},
    period::DateRange,
};

/// What is measured of a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Metric {
    /// Whole minutes of ended sessions, each day's own. Sample: sessions.
    StudyTime,
    /// Mean accuracy of `testing` activities, percent. Sample: those with items.
    TestAverage,
    /// Correct of all completed items of `flashcards` activities, percent. Sample: the items.
    FlashcardMastery,
    /// Completed items of `assignment` activities. Sample: the activities.
    AssignmentCompletion,
    /// Days with the start of an ended session, however it ended (unlike a practised day), of
    /// all days of the period that have begun, percent. Sample: those with one.
    Attendance,
}

impl Metric {
    pub const ALL: [Self; 5] = [
        Self::StudyTime,
        Self::TestAverage,
        Self::FlashcardMastery,
        Self::AssignmentCompletion,
        Self::Attendance,
    ];

    /// Whether it is a share of 0 to 100 and no amount.
    #[must_use]
    pub const fn is_percentage(self) -> bool {
        matches!(
            self,
            Self::TestAverage | Self::FlashcardMastery | Self::Attendance
        )
    }
}

/// What is kept of a user and a period.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeriodTally {
    pub range: DateRange,
    pub tally: Tally,
    /// Days on which an ended session started.
    pub attended: DaySet,
}

impl PeriodTally {
    /// A period in which nothing was done.
    #[must_use]
    pub fn empty(range: DateRange) -> Self {
        Self {
            range,
            tally: Tally::default(),
            attended: DaySet::default(),
        }
    }

    /// Adds what was done on `date`, if that is one of its days.
    pub fn add(&mut self, date: NaiveDate, tally: Tally) {
        if self.range.contains(date) {
            self.tally += tally;
            if tally.sessions > 0 {
                let day = DaySet::of(self.range.start, date);
                self.attended = self.attended.union(day);
            }
        }
    }

    /// Its figures, as far as the period has come by `today`.
    #[must_use]
    pub fn figures(&self, today: NaiveDate) -> Figures {
        Figures {
            tally: self.tally,
            attended: self.attended.count(),
            days: self.range.days_until(today),
        }
    }
}

/// What the metrics of one or more periods are computed from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    pub tally: Tally,
    /// Days on which an ended session started.
    pub attended: i64,
    /// Days that have begun.
    pub days: i64,
}

impl Figures {
    /// How many observations a metric rests on.
    #[must_use]
    pub const fn sample_size(&self, metric: Metric) -> i64 {
        match metric {
            Metric::StudyTime => self.tally.sessions,
            Metric::TestAverage => self.tally.tests,
            Metric::FlashcardMastery => self.tally.flashcards,
            Metric::AssignmentCompletion => self.tally.assignments,
            Metric::Attendance => self.attended,
        }
    }

    /// Whether there is anything to tell of a metric. Time that a session of the day before
    /// spent after midnight is something.
    #[must_use]
    pub const fn has(&self, metric: Metric) -> bool {
        let time = matches!(metric, Metric::StudyTime) && self.tally.active_seconds > 0;
        self.sample_size(metric) > 0 || time
    }

    /// A percentage to two decimals; `None` for an amount and where there is no sample.
    #[must_use]
    pub fn percentage(&self, metric: Metric) -> Option<Hundredths> {
        let sums = &self.tally;
        match metric {
            Metric::StudyTime | Metric::AssignmentCompletion => None,
            Metric::TestAverage => Hundredths::mean(sums.test_accuracy, sums.tests),
            Metric::FlashcardMastery => {
                Hundredths::percent(sums.flashcards_correct, sums.flashcards)
            }
            Metric::Attendance => Hundredths::percent(self.attended, self.days),
        }
    }

    /// An amount in the smallest unit that is kept: seconds, items. 0 for a percentage.
    #[must_use]
    pub const fn amount(&self, metric: Metric) -> i64 {
        match metric {
            Metric::StudyTime => self.tally.active_seconds,
            Metric::AssignmentCompletion => self.tally.assignment_items,
            _ => 0,
        }
    }

    /// Whole minutes of study.
    #[must_use]
    pub const fn minutes(&self) -> i64 {
        self.tally.active_seconds / 60
    }

    /// The metric as it is shown: minutes, items, or a percentage to two decimals; 0 where
    /// there is no sample.
    #[must_use]
    pub fn value(&self, metric: Metric) -> f64 {
        match metric {
            Metric::StudyTime => float(self.minutes()),
            Metric::AssignmentCompletion => float(self.tally.assignment_items),
            _ => self.percentage(metric).unwrap_or_default().value(),
        }
    }

    /// What users are ranked by; `None` where there is nothing to tell. The quotient is the
    /// nearest double to the exact one, on every engine too.
    #[must_use]
    pub fn rank_value(&self, metric: Metric) -> Option<f64> {
        let sums = &self.tally;
        let value = match metric {
            Metric::StudyTime => float(sums.active_seconds),
            Metric::TestAverage => float(sums.test_accuracy) / float(sums.tests),
            Metric::FlashcardMastery => float(sums.flashcards_correct) / float(sums.flashcards),
            Metric::AssignmentCompletion => float(sums.assignment_items),
            Metric::Attendance => float(self.attended),
        };
        self.has(metric).then_some(value)
    }
}

impl Add for Figures {
    type Output = Self;

    /// Those of two periods that have no day in common.
    fn add(self, other: Self) -> Self {
        Self {
            tally: self.tally + other.tally,
            attended: self.attended + other.attended,
            days: self.days + other.days,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn november() -> DateRange {
        DateRange {
            start: day("2026-11-01"),
            end: day("2026-11-30"),
        }
    }

    #[test]
    fn each_metric_is_made_of_its_own_sums() {
        let figures = Figures {
            tally: Tally {
                sessions: 4,
                active_seconds: 3_659,
                tests: 3,
                // 100, 66.67 and 50 percent.
                test_accuracy: 21_667,
                flashcards: 7,
                flashcards_correct: 5,
                assignments: 2,
                assignment_items: 9,
            },
            attended: 3,
            days: 20,
        };
        let told = Metric::ALL.map(|metric| (figures.value(metric), figures.sample_size(metric)));
        assert_eq!(
            told,
            [(60.0, 4), (72.22, 3), (71.43, 7), (9.0, 2), (15.0, 3)]
        );
    }

    #[test]
    fn nothing_done_is_zero_and_no_sample() {
        let figures = PeriodTally::empty(november()).figures(day("2026-11-20"));
        for metric in Metric::ALL {
            let told = (figures.value(metric), figures.sample_size(metric));
            assert_eq!(told, (0.0, 0));
            assert_eq!(figures.rank_value(metric), None);
        }
    }

    #[test]
    fn a_running_period_has_the_days_that_have_begun() {
        let mut november = PeriodTally::empty(november());
        let session = Tally {
            sessions: 1,
            active_seconds: 60,
            ..Tally::default()
        };
        november.add(day("2026-11-02"), session);
        november.add(day("2026-11-02"), session);
        november.add(day("2026-12-01"), session);
        let attendance = |today| november.figures(day(today)).percentage(Metric::Attendance);
        assert_eq!(attendance("2026-11-04"), Some(Hundredths(2_500)));
        assert_eq!(attendance("2027-01-01"), Some(Hundredths(333)));
        assert_eq!(november.tally.sessions, 2);
    }
}
