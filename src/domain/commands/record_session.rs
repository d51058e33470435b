use std::time::Duration;

use serde::Serialize;

use crate::domain::{
    fingerprint::Fingerprint,
    ids::{SessionId, UserId},
    ledger::{Command, Halt, Ledger},
    rejection::{Rejection, UsedId},
    session::{EndReason, Session, SessionContext, SessionReview, SessionView},
    time::Timestamp,
};

/// Saves a session that is already over. It counts like any other, but for the login.
#[derive(Clone, Debug)]
pub struct RecordSession {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub context: SessionContext,
    pub review: SessionReview,
    pub time: RecordedTime,
    /// Set if the caller chose `session_id`, which may then exist already.
    pub fingerprint: Option<Fingerprint>,
}

/// When a recorded session was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum RecordedTime {
    Between {
        start: Timestamp,
        end: Timestamp,
    },
    /// It ended just now.
    Last(Duration),
}

/// The session that was saved, or that was there already.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub view: SessionView,
    pub created: bool,
}

impl Command for RecordSession {
    type Outcome = Recorded;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<Recorded, Halt> {
        let now = ledger.now;
        ledger.locks.get(self.user_id)?;
        let (start, end) = match self.time {
            RecordedTime::Between { start, end } => (start, end),
            RecordedTime::Last(duration) => (now.before(duration), now),
        };
        if let Some(fingerprint) = self.fingerprint
            && let Some(session) = ledger.sessions.get(self.session_id)?.cloned()
        {
            if session.fingerprint != Some(fingerprint) {
                return Err(Rejection::IdTaken(UsedId::Session).into());
            }
            return Ok(Recorded {
                view: ledger.view(session),
                created: false,
            });
        }
        let settings = ledger.settings();
        if let Some(violation) = settings.client_type_violation(&self.context.client_type) {
            return Err(Rejection::Invalid(vec![violation]).into());
        }
        let context = self.context.clone();
        let mut session = Session::start(self.session_id, self.user_id, context, settings, start);
        session.end(end, EndReason::Recorded, self.review.clone(), settings);
        session.fingerprint = self.fingerprint;
        session.created_at = now;
        session.updated_at = now;

        let user = ledger.user(self.user_id, start);
        user.last_session_start = user.last_session_start.max(Some(start));
        let day = ledger.day(self.user_id, session.start_date);
        day.sessions_started = day.sessions_started.saturating_add(1);
        ledger.count_end(&session)?;
        ledger.add_session(session.clone());
        Ok(Recorded {
            view: ledger.view(session),
            created: true,
        })
    }
}
