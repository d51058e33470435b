use crate::domain::{
    fingerprint::Fingerprint,
    ids::{SessionId, UserId},
    ledger::{Command, Halt, Ledger},
    rejection::{Rejection, UsedId},
    session::{EndReason, Session, SessionContext, SessionReview, SessionView},
    settings::OverLimitPolicy,
};

/// Opens a session and counts a login.
#[derive(Clone, Debug)]
pub struct StartSession {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub context: SessionContext,
    /// Set if the caller chose `session_id`, which may then exist already.
    pub fingerprint: Option<Fingerprint>,
}

/// The session that was opened, or that was there already.
#[derive(Clone, Debug)]
pub struct Started {
    pub view: SessionView,
    pub created: bool,
    /// Sessions of the user that ended to make room.
    pub evicted: Vec<SessionId>,
}

impl Command for StartSession {
    type Outcome = Started;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<Started, Halt> {
        let now = ledger.now;
        if let Some(fingerprint) = self.fingerprint
            && let Some(session) = ledger.sessions.get(self.session_id)?.cloned()
        {
            return repeated(ledger, session, fingerprint);
        }
        if let Some(violation) = ledger
            .settings()
            .client_type_violation(&self.context.client_type)
        {
            return Err(Rejection::Invalid(vec![violation]).into());
        }
        let evicted = self.make_room(ledger)?;

        let mut session = Session::start(
            self.session_id,
            self.user_id,
            self.context.clone(),
            ledger.settings(),
            now,
        );
        session.fingerprint = self.fingerprint;
        let user = ledger.user(self.user_id, now);
        user.login_count = user.login_count.saturating_add(1);
        user.last_login_at = user.last_login_at.max(Some(now));
        user.last_session_start = user.last_session_start.max(Some(now));
        let day = ledger.day(self.user_id, session.start_date);
        day.login_count = day.login_count.saturating_add(1);
        day.sessions_started = day.sessions_started.saturating_add(1);
        ledger.add_session(session.clone());
        Ok(Started {
            view: ledger.view(session),
            created: true,
            evicted,
        })
    }
}

impl StartSession {
    /// Ends as many of the user's sessions as the limit asks for, or refuses.
    fn make_room(&self, ledger: &mut Ledger) -> Result<Vec<SessionId>, Halt> {
        let Some(limit) = ledger.settings().max_open_sessions else {
            return Ok(Vec::new());
        };
        let open = ledger.open_sessions(self.user_id)?;
        let room = usize::try_from(limit).unwrap_or(usize::MAX);
        let excess = (open.len() + 1).saturating_sub(room);
        if excess > 0 && ledger.settings().over_limit_policy == OverLimitPolicy::Deny {
            return Err(Rejection::TooManySessions { limit }.into());
        }
        let mut evicted = Vec::with_capacity(excess);
        for mut session in open.into_iter().take(excess) {
            let at = ledger.now.max(session.last_active_at);
            let review = SessionReview::default();
            ledger.end_session(&mut session, at, EndReason::Evicted, review)?;
            evicted.push(session.id);
        }
        Ok(evicted)
    }
}

/// The same start again returns its session; another one may not have its id.
fn repeated(ledger: &Ledger, session: Session, fingerprint: Fingerprint) -> Result<Started, Halt> {
    if session.fingerprint != Some(fingerprint) {
        return Err(Rejection::IdTaken(UsedId::Session).into());
    }
    Ok(Started {
        view: ledger.view(session),
        created: false,
        evicted: Vec::new(),
    })
}
