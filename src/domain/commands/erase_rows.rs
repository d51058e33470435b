use crate::domain::{
    forgotten::UserRows,
    ids::UserId,
    ledger::{Command, Halt, Ledger},
    rejection::{Entity, Rejection},
    user::LockedUser,
};

/// Deletes some rows of a user that is marked as deleted.
#[derive(Clone, Debug)]
pub struct EraseRows {
    pub user_id: UserId,
}

/// What one [`EraseRows`] came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Erased {
    Rows(UserRows),
    /// The batch erases already, or only now marks the user: there may be more.
    Later,
    /// Nothing is left.
    Nothing,
}

impl Command for EraseRows {
    type Outcome = Erased;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<Erased, Halt> {
        let user = self.user_id;
        let marked = ledger.locks.get(user)?.is_some_and(LockedUser::is_deleted);
        if !marked && !ledger.forgotten.users.contains(&user) {
            return Err(Rejection::NotFound(Entity::User).into());
        }
        // What was marked before the batch is written to by nobody, so what is found stays.
        if !marked || ledger.forgotten.rows.contains_key(&user) {
            return Ok(Erased::Later);
        }
        let next = ledger.user_rows.get(user)?.copied();
        ledger.forgotten.rows.insert(user, next);
        Ok(next.map_or(Erased::Nothing, Erased::Rows))
    }
}
