use std::collections::BTreeSet;

use crate::domain::{
    ids::{SessionId, UserId},
    ledger::{Command, Halt, Ledger},
    rejection::{Entity, Rejection},
    session::{EndReason, Session, SessionReview},
};

/// Ends many of one user's sessions. What is not there or over is passed over.
#[derive(Clone, Debug)]
pub struct RevokeSessions {
    pub user_id: UserId,
    /// These; `None` is all that are open.
    pub session_ids: Option<Vec<SessionId>>,
    pub except: Option<SessionId>,
}

/// The sessions that this call ended.
#[derive(Clone, Debug)]
pub struct Revoked {
    pub session_ids: Vec<SessionId>,
}

impl Command for RevokeSessions {
    type Outcome = Revoked;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<Revoked, Halt> {
        let mut revoked = Vec::new();
        for mut session in self.open(ledger)? {
            if Some(session.id) != self.except {
                let at = ledger.now.max(session.last_active_at);
                let review = SessionReview::default();
                ledger.end_session(&mut session, at, EndReason::Revoked, review)?;
                revoked.push(session.id);
            }
        }
        revoked.sort();
        Ok(Revoked {
            session_ids: revoked,
        })
    }
}

impl RevokeSessions {
    fn open(&self, ledger: &mut Ledger) -> Result<Vec<Session>, Halt> {
        let Some(ids) = &self.session_ids else {
            return ledger.open_sessions(self.user_id);
        };
        // Once each: a session named twice would end, and count, twice.
        let ids: BTreeSet<_> = ids.iter().copied().collect();
        for id in &ids {
            ledger.sessions.want(*id);
        }
        let mut open = Vec::new();
        for id in ids {
            match ledger.session(self.user_id, id) {
                Ok(session) if session.is_open() => open.push(session),
                Ok(_) | Err(Halt::Rejected(Rejection::NotFound(Entity::Session))) => {}
                Err(halt) => return Err(halt),
            }
        }
        Ok(open)
    }
}
