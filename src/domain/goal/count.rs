//! What is counted for a goal, in whole numbers: so that it is the same in whatever order it is
//! added, and the same as if it were counted again from the kept sums of the user's days.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::GoalType;
use crate::domain::{
    calendar::Calendar,
    hundredths::{Hundredths, float},
    ids::UserId,
    insights::{
        streak::{self, rows},
        tally::{DayAddition, Tally},
    },
    period::DateRange,
    session::Subject,
};

/// Where what counts for a goal is kept: days of a user, with one subject or all there are.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct GoalScope {
    pub user: UserId,
    pub dates: DateRange,
    /// Type and id; all sessions count if it is `None`.
    pub subject: Option<(String, String)>,
}

impl GoalScope {
    #[must_use]
    pub fn new(user: UserId, dates: DateRange, subject: Option<&Subject>) -> Self {
        Self {
            user,
            dates,
            subject: subject.map(|subject| (subject.kind.clone(), subject.id.clone())),
        }
    }

    /// Whether it is one of these days.
    #[must_use]
    pub fn holds(&self, day: &DayAddition) -> bool {
        let own = self.subject.as_ref();
        day.user_id == self.user
            && self.dates.contains(day.date)
            && own.is_none_or(|(kind, id)| (kind, id) == (&day.subject.kind, &day.subject.id))
    }
}

/// What was counted for a goal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GoalCount {
    /// Seconds, accuracies of tests in hundredths of a percent, items, correct items, or days.
    pub sum: i64,
    /// Of how many tests, or items: what a mean is divided by.
    pub samples: i64,
    /// The last practised day, of a streak.
    pub last_date: Option<NaiveDate>,
}

impl GoalCount {
    /// Nothing.
    pub const ZERO: Self = Self {
        sum: 0,
        samples: 0,
        last_date: None,
    };

    /// Adds what was done on one of the goal's days, or on many of them.
    pub fn add(&mut self, goal_type: GoalType, done: &Tally) {
        let (sum, samples) = match goal_type {
            GoalType::StudyTime => (done.active_seconds, 0),
            GoalType::TestScore => (done.test_accuracy, done.tests),
            GoalType::AssignmentCompletion => (done.assignment_items, 0),
            GoalType::FlashcardMastery => (done.flashcards_correct, done.flashcards),
            GoalType::Streak | GoalType::Custom => (0, 0),
        };
        self.sum = self.sum.saturating_add(sum);
        self.samples = self.samples.saturating_add(samples);
    }

    /// The row of days that ends with the last of these.
    #[must_use]
    pub fn of_practised(days: &BTreeSet<NaiveDate>, calendar: &Calendar) -> Self {
        let last = rows(days.iter().copied(), calendar).last();
        last.map_or(Self::ZERO, |(date, row)| Self {
            sum: row,
            samples: 0,
            last_date: Some(date),
        })
    }

    /// What was counted after the sum was `before`.
    #[must_use]
    pub fn since(self, before: i64) -> Self {
        Self {
            sum: self.sum.saturating_sub(before).max(0),
            ..self
        }
    }

    /// In the goal's unit.
    #[must_use]
    pub fn value(self, goal_type: GoalType) -> f64 {
        let share = |share: Option<Hundredths>| share.unwrap_or_default().value();
        match goal_type {
            GoalType::StudyTime => float(self.sum / 60),
            GoalType::TestScore => share(Hundredths::mean(self.sum, self.samples)),
            GoalType::FlashcardMastery => share(Hundredths::percent(self.sum, self.samples)),
            GoalType::AssignmentCompletion | GoalType::Streak => float(self.sum),
            GoalType::Custom => 0.0,
        }
    }

    /// Whether a streak still goes on, or may, on `today`.
    #[must_use]
    pub fn goes_on(&self, calendar: &Calendar, today: NaiveDate) -> bool {
        self.last_date
            .is_some_and(|last| streak::goes_on(last, calendar, today))
    }
}

impl GoalType {
    /// Whether more that is counted adds to its value.
    #[must_use]
    pub const fn is_sum(self) -> bool {
        matches!(self, Self::StudyTime | Self::AssignmentCompletion)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        calendar::plus_days, insights::effort::Effort, period::DateRange, time::FIRST_DATE,
    };

    fn subject(kind: &str, id: &str) -> Subject {
        Subject {
            kind: kind.to_owned(),
            id: id.to_owned(),
            name: String::new(),
        }
    }

    #[test]
    fn a_scope_holds_days_of_its_user_its_dates_and_its_subject() {
        let user = UserId(Uuid::from_u128(1));
        let dates = DateRange {
            start: plus_days(FIRST_DATE, 1),
            end: plus_days(FIRST_DATE, 3),
        };
        let of_all = GoalScope::new(user, dates, None);
        let of_one = GoalScope::new(user, dates, Some(&subject("course", "es")));
        for (number, day, kind, id, expected) in [
            (1, 1, "course", "es", [true, true]),
            (1, 3, "course", "es", [true, true]),
            (1, 2, "course", "fr", [true, false]),
            (1, 2, "book", "es", [true, false]),
            (1, 2, "", "", [true, false]),
            (1, 0, "course", "es", [false, false]),
            (1, 4, "course", "es", [false, false]),
            (2, 2, "course", "es", [false, false]),
        ] {
            let done = DayAddition {
                user_id: UserId(Uuid::from_u128(number)),
                date: plus_days(FIRST_DATE, day),
                subject: subject(kind, id),
                tally: Tally::default(),
                effort: Effort::default(),
            };
            let held = [of_all.holds(&done), of_one.holds(&done)];
            assert_eq!(held, expected, "{number} {day} {kind} {id}");
        }
    }
}
