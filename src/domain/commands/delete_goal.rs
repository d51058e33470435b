use crate::domain::{
    goal::GoalStatus,
    ids::{GoalId, UserId},
    ledger::{Command, Halt, Ledger},
    rejection::Rejection,
};

/// Deletes a goal with its progress, or keeps it as abandoned.
#[derive(Clone, Debug)]
pub struct DeleteGoal {
    pub user_id: UserId,
    pub goal_id: GoalId,
    pub abandon: bool,
}

impl Command for DeleteGoal {
    type Outcome = ();

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<(), Halt> {
        let mut goal = ledger.goal(self.user_id, self.goal_id)?;
        if !self.abandon {
            return ledger.remove_goal(&goal);
        }
        match goal.status {
            GoalStatus::Abandoned => Ok(()),
            GoalStatus::Active => {
                goal.status = GoalStatus::Abandoned;
                ledger.keep_goal(goal).map(drop)
            }
            status => Err(Rejection::GoalNotActive { status }.into()),
        }
    }
}
