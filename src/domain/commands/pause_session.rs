use crate::domain::{
    event::EventKind,
    ids::{SessionId, UserId},
    ledger::{Command, Halt, Ledger},
    rejection::Rejection,
    session::{MAX_PAUSES, SessionView},
};

/// Stops a session's clock. A paused one stays paused.
#[derive(Clone, Debug)]
pub struct PauseSession {
    pub user_id: UserId,
    pub session_id: SessionId,
}

impl Command for PauseSession {
    type Outcome = SessionView;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<SessionView, Halt> {
        let mut session = ledger.open_session(self.user_id, self.session_id)?;
        if session.pauses.len() >= MAX_PAUSES {
            return Err(Rejection::TooManyPauses { limit: MAX_PAUSES }.into());
        }
        let before = session.phase;
        session.pause(ledger.now);
        ledger.touch(&mut session);
        if session.phase != before {
            ledger.tell(EventKind::Paused, &session);
        }
        Ok(ledger.view(session))
    }
}

/// Lets a session's clock run again. One that runs goes on.
#[derive(Clone, Debug)]
pub struct ResumeSession {
    pub user_id: UserId,
    pub session_id: SessionId,
}

impl Command for ResumeSession {
    type Outcome = SessionView;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<SessionView, Halt> {
        let mut session = ledger.open_session(self.user_id, self.session_id)?;
        let before = session.phase;
        session.resume(ledger.now);
        ledger.touch(&mut session);
        if session.phase != before {
            ledger.tell(EventKind::Resumed, &session);
        }
        Ok(ledger.view(session))
    }
}
