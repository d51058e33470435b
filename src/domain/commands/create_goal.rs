use chrono::NaiveDate;

use crate::domain::{
    fingerprint::Fingerprint,
    goal::{Goal, GoalDetails, GoalView},
    ids::{GoalId, UserId},
    ledger::{Command, Halt, Ledger},
    period::DateRange,
    rejection::{Rejection, UsedId},
};

/// Sets a goal. What was done on its days already counts.
#[derive(Clone, Debug)]
pub struct CreateGoal {
    pub user_id: UserId,
    pub goal_id: GoalId,
    pub details: GoalDetails,
    /// Today, if `None`.
    pub start_date: Option<NaiveDate>,
    pub target_date: NaiveDate,
    /// Set if the caller chose `goal_id`, which may then exist already.
    pub fingerprint: Option<Fingerprint>,
}

impl Command for CreateGoal {
    type Outcome = GoalView;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<GoalView, Halt> {
        let is_new_user = ledger.locks.get(self.user_id)?.is_none();
        if let Some(fingerprint) = self.fingerprint
            && let Some(goal) = ledger.goals.rows.get(self.goal_id)?
        {
            if goal.fingerprint != Some(fingerprint) {
                return Err(Rejection::IdTaken(UsedId::Goal).into());
            }
            let goal = ledger.goal(self.user_id, self.goal_id)?;
            return Ok(ledger.view_goal(goal));
        }
        let dates = DateRange {
            start: self.start_date.unwrap_or_else(|| ledger.today()),
            end: self.target_date,
        };
        check_dates(dates)?;
        ledger.check_room_for_goal(self.user_id)?;

        if is_new_user {
            ledger.user(self.user_id, ledger.now);
        }
        let details = self.details.clone();
        let mut goal = Goal::new(self.goal_id, self.user_id, details, dates, ledger.now);
        goal.fingerprint = self.fingerprint;
        let goal = ledger.open_goal(goal)?;
        Ok(ledger.view_goal(goal))
    }
}

/// Refuses a target date before the start.
pub fn check_dates(dates: DateRange) -> Result<(), Rejection> {
    if dates.start <= dates.end {
        return Ok(());
    }
    let rule = format!("must not be before the goal's start, {}", dates.start);
    Err(Rejection::invalid("goal.target_date", rule))
}
