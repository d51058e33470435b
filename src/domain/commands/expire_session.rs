use crate::domain::{
    ids::{SessionId, UserId},
    ledger::{Command, Halt, Ledger},
};

/// Ends a session if it is over by now; otherwise has the sweep come back when it would be.
#[derive(Clone, Debug)]
pub struct ExpireSession {
    pub user_id: UserId,
    pub session_id: SessionId,
}

impl Command for ExpireSession {
    /// Whether it is over.
    type Outcome = bool;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<bool, Halt> {
        let mut session = ledger.session(self.user_id, self.session_id)?;
        if session.is_open() {
            session.reschedule_sweep(ledger.settings());
            ledger.sessions.put(session.id, session.clone());
        }
        Ok(!session.is_open())
    }
}
