use crate::domain::{
    ids::{SessionId, UserId},
    ledger::{Command, Halt, Ledger},
    rejection::{Entity, Rejection},
    time::Timestamp,
};

/// Deletes a session that ended before `before`, and its activities. What was added up from
/// them stays.
#[derive(Clone, Debug)]
pub struct PurgeSession {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub before: Timestamp,
}

impl Command for PurgeSession {
    /// Whether this deleted it.
    type Outcome = bool;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<bool, Halt> {
        let session = match ledger.session(self.user_id, self.session_id) {
            Err(Halt::Rejected(Rejection::NotFound(Entity::Session))) => return Ok(false),
            found => found?,
        };
        let is_old = session.ended_at().is_some_and(|at| at < self.before);
        Ok(is_old && ledger.forgotten.sessions.insert(self.session_id))
    }
}
