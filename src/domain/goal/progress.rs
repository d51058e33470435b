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
