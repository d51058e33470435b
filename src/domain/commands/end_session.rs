use crate::domain::{
    ids::{SessionId, UserId},
    ledger::{Command, Halt, Ledger},
    rejection::Rejection,
    session::{EndReason, SessionReview, SessionView},
    time::Timestamp,
};

/// Ends a session and counts its time.
#[derive(Clone, Debug)]
pub struct EndSession {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub review: SessionReview,
    /// When it ended, if not now.
    pub end_time: Option<Timestamp>,
}

/// The session as it ended.
#[derive(Clone, Debug)]
pub struct Ended {
    pub view: SessionView,
    /// It had ended before.
    pub already: bool,
}

impl Command for EndSession {
    type Outcome = Ended;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<Ended, Halt> {
        let mut session = ledger.session(self.user_id, self.session_id)?;
        let already = !session.is_open();
        if !already {
            if self.end_time.is_some_and(|at| at < session.started_at) {
                let start = session.started_at.to_utc().to_rfc3339();
                return Err(Rejection::invalid(
                    "end_time",
                    format!("must not be before the session's start, {start}"),
                )
                .into());
            }
            // A clock that stepped back ends nothing before the last sign of life.
            let now = ledger.now.max(session.last_active_at);
            let at = self.end_time.unwrap_or(now);
            ledger.end_session(&mut session, at, EndReason::Logout, self.review.clone())?;
        }
        Ok(Ended {
            view: ledger.view(session),
            already,
        })
    }
}
