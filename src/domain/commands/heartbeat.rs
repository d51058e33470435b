use crate::domain::{
    ids::{SessionId, UserId},
    ledger::{Command, Halt, Ledger},
    session::SessionView,
};

/// Says that the user is still there.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    pub user_id: UserId,
    pub session_id: SessionId,
}

impl Command for Heartbeat {
    type Outcome = SessionView;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<SessionView, Halt> {
        let mut session = ledger.open_session(self.user_id, self.session_id)?;
        ledger.touch(&mut session);
        Ok(ledger.view(session))
    }
}
