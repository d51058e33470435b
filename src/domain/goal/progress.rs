//! A goal's values by day, and the milestones among them.

use chrono::NaiveDate;

use crate::domain::{
    hundredths::Hundredths,
    ids::{GoalId, UserId},
    time::Timestamp,
};

/// Percentages that are milestones, the lowest first.
const MILESTONES: [u8; 4] = [25, 50, 75, 100];

/// The value that a goal had at the end of a day, or has so far.
#[derive(Clone, PartialEq, Debug)]
pub struct GoalProgress {
    pub goal_id: GoalId,
    pub user_id: UserId,
    pub date: NaiveDate,
    pub value: f64,
    /// What was said of the day by hand; `None` leaves what was said before.
    pub notes: Option<String>,
    pub updated_at: Timestamp,
}

/// A day of a goal's progress, as it is seen.
#[derive(Clone, PartialEq, Debug)]
pub struct ProgressView {
    pub progress: GoalProgress,
    /// `100 * value / target`.
    pub percentage: Hundredths,
    /// The highest milestone first passed that day, in percent.
    pub milestone: Option<u8>,
}

/// Days of the progress towards `target`, oldest first, of which the best one before was at
/// `best`.
#[must_use]
pub fn with_milestones(
    days: impl IntoIterator<Item = GoalProgress>,
    target: f64,
    mut best: f64,
) -> Vec<ProgressView> {
    let days = days.into_iter().map(|progress| {
        let before = best;
        best = best.max(progress.value);
        ProgressView::new(progress, target, before)
    });
    days.collect()
}

impl ProgressView {
    /// A day of the progress towards `target`, before which the best one was at `best`.
    #[must_use]
    pub fn new(progress: GoalProgress, target: f64, best: f64) -> Self {
        let (passed, now) = (milestone(best, target), milestone(progress.value, target));
        Self {
            percentage: Hundredths::ratio(progress.value, target),
            milestone: now.filter(|now| passed.is_none_or(|passed| passed < *now)),
            progress,
        }
    }
}

/// The highest milestone that `value` has come to.
fn milestone(value: f64, target: f64) -> Option<u8> {
    let passed = |percent: &u8| value * 100.0 >= target * f64::from(*percent);
    MILESTONES.into_iter().rev().find(passed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{calendar::plus_days, time::FIRST_DATE};

    fn milestones(values: &[f64], target: f64, best: f64) -> Vec<Option<u8>> {
        let days = values.iter().zip(0..).map(|(value, day)| GoalProgress {
            goal_id: GoalId(Uuid::nil()),
            user_id: UserId(Uuid::nil()),
            date: plus_days(FIRST_DATE, day),
            value: *value,
            notes: None,
            updated_at: Timestamp::FIRST,
        });
        let days = with_milestones(days, target, best);
        days.into_iter().map(|day| day.milestone).collect()
    }

    #[test]
    fn a_day_has_the_highest_milestone_that_it_is_the_first_to_pass() {
        let values = [2.4, 2.5, 2.6, 8.0, 1.0, 7.5, 9.9, 10.0, 12.0];
        let expected = [
            None,
            Some(25),
            None,
            Some(75),
            None,
            None,
            None,
            Some(100),
            None,
        ];
        assert_eq!(milestones(&values, 10.0, 0.0), expected);
        assert_eq!(
            milestones(&values[..4], 10.0, 5.0),
            [None, None, None, Some(75)]
        );
    }

    #[test]
    fn what_is_reached_is_a_hundred_percent_whatever_binary_fractions_say() {
        for target in [0.07, 0.1, 1.0 / 3.0, 66.67, 1e-300, 1e9] {
            assert_eq!(milestones(&[target], target, 0.0), [Some(100)], "{target}");
            assert_eq!(
                milestones(&[target / 2.0], target, 0.0),
                [Some(50)],
                "{target}"
            );
        }
    }

    proptest! {
        #[test]
        fn each_milestone_is_passed_once(values in prop::collection::vec(0_u32..300, 0..40)) {
            let floats: Vec<_> = values.iter().map(|value| f64::from(*value)).collect();
            let found = milestones(&floats, 200.0, 0.0);
            for (index, milestone) in found.iter().enumerate() {
                let level = |value: &u32| (value / 50).min(4) * 25;
                let before = values.iter().take(index).map(level).max().unwrap_or(0);
                let now = values.get(index).map_or(0, level);
                let expected = (now > before).then(|| u8::try_from(now).unwrap());
                prop_assert_eq!(*milestone, expected);
            }
        }
    }
}
