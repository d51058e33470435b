use super::create_goal::check_dates;
use crate::domain::{
    goal::{GoalPatch, GoalStatus, GoalView},
    ids::{GoalId, UserId},
    ledger::{Command, Halt, Ledger},
    rejection::Rejection,
};

/// Changes some of a goal.
#[derive(Clone, Debug)]
pub struct UpdateGoal {
    pub user_id: UserId,
    pub goal_id: GoalId,
    pub patch: GoalPatch,
}

impl Command for UpdateGoal {
    type Outcome = GoalView;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<GoalView, Halt> {
        let old = ledger.goal(self.user_id, self.goal_id)?;
        let mut goal = old.clone();
        self.patch.apply(&mut goal);
        let is_over = matches!(old.status, GoalStatus::Completed | GoalStatus::Expired);
        if is_over && goal.aim() != old.aim() {
            let status = old.status;
            return Err(Rejection::GoalNotActive { status }.into());
        }
        check_dates(goal.dates)?;
        if goal.status == GoalStatus::Active {
            let resumed = old.status != GoalStatus::Active;
            if resumed {
                ledger.check_room_for_goal(self.user_id)?;
            }
            if resumed || goal.dates != old.dates {
                ledger.recount_goal(&mut goal)?;
            }
        }
        let goal = ledger.keep_goal(goal)?;
        Ok(ledger.view_goal(goal))
    }
}
