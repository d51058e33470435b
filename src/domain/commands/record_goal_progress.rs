use chrono::NaiveDate;

use crate::domain::{
    goal::{
        GivenValue, GoalStatus, GoalView,
        progress::{GoalProgress, ProgressView},
    },
    ids::{GoalId, UserId},
    ledger::{Command, Halt, Ledger},
    rejection::Rejection,
};

/// Says how far a goal has come, on one of its days.
#[derive(Clone, Debug)]
pub struct RecordGoalProgress {
    pub user_id: UserId,
    pub goal_id: GoalId,
    pub value: f64,
    pub notes: String,
    /// Today, if `None`.
    pub date: Option<NaiveDate>,
}

/// The day as it was said, and the goal after it.
#[derive(Clone, Debug)]
pub struct RecordedProgress {
    pub progress: ProgressView,
    pub goal: GoalView,
}

impl Command for RecordGoalProgress {
    type Outcome = RecordedProgress;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<RecordedProgress, Halt> {
        let mut goal = ledger.goal(self.user_id, self.goal_id)?;
        if goal.status != GoalStatus::Active {
            let status = goal.status;
            return Err(Rejection::GoalNotActive { status }.into());
        }
        let today = ledger.today();
        let date = self.date.unwrap_or(today);
        let last = goal.dates.end.min(today);
        if date < goal.dates.start || date > last {
            let start = goal.dates.start;
            let rule = format!(
                "must be from the goal's start, {start}, to its target date, and not in the future"
            );
            return Err(Rejection::invalid("date", rule).into());
        }

        let values = ledger.goals.values_of(goal.id)?;
        let before = values.range(..date).map(|(_, value)| *value);
        let best = before.fold(0.0, f64::max);
        // The value of the latest day is the goal's.
        if goal.progress_date.is_none_or(|latest| latest <= date) {
            goal.given = Some(GivenValue {
                value: self.value,
                counted: goal.count.sum,
            });
        }
        let day = GoalProgress {
            goal_id: goal.id,
            user_id: goal.user_id,
            date,
            value: self.value,
            notes: Some(self.notes.clone()),
            updated_at: ledger.now,
        };
        let target = goal.details.target_value;
        let progress = ProgressView::new(day.clone(), target, best);
        ledger.note_progress(&mut goal, day);
        let goal = ledger.keep_goal(goal)?;
        Ok(RecordedProgress {
            progress,
            goal: ledger.view_goal(goal),
        })
    }
}
