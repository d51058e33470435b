use crate::domain::{
    goal::GoalStatus,
    ids::{GoalId, UserId},
    ledger::{Command, Halt, Ledger},
};

/// Ends a goal if its last day is over.
#[derive(Clone, Debug)]
pub struct ExpireGoal {
    pub user_id: UserId,
    pub goal_id: GoalId,
}

impl Command for ExpireGoal {
    /// Whether it has expired.
    type Outcome = bool;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<bool, Halt> {
        let goal = ledger.goal(self.user_id, self.goal_id)?;
        Ok(goal.status == GoalStatus::Expired)
    }
}
