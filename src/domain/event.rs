//! What happens to sessions, as those who watch are told.

use std::time::Duration;

use super::{
    ids::{SessionId, UserId},
    session::{Phase, Session, SessionReview, SessionView},
    settings::TenantSettings,
    time::Timestamp,
};

/// What happened to a session. A sign of life is nothing that happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventKind {
    Started,
    Paused,
    Resumed,
    /// However it came to its end; a recorded session has this event alone.
    Ended,
    ActivityLogged,
}

/// One thing that happened to a session, and what of the session changes in its life, as it was
/// right after. The rest is the same before and after, and is not repeated: so an event is small,
/// and knows nothing that is to be forgotten with the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionEvent {
    pub kind: EventKind,
    pub session_id: SessionId,
    pub user_id: UserId,
    /// The session's, by which it is known from a later one with the same id.
    pub started_at: Timestamp,
    /// When it was written; a session that the sweep ends ended before.
    pub at: Timestamp,
    pub phase: Phase,
    pub last_active_at: Timestamp,
    pub points_earned: i64,
    pub duration: Duration,
    pub expires_at: Option<Timestamp>,
}

impl SessionEvent {
    /// What happened `now` to a session, which is as it is after that.
    #[must_use]
    pub fn of(
        kind: EventKind,
        session: &Session,
        settings: &TenantSettings,
        now: Timestamp,
    ) -> Self {
        Self {
            kind,
            session_id: session.id,
            user_id: session.user_id,
            started_at: session.started_at,
            at: now,
            phase: session.phase,
            last_active_at: session.last_active_at,
            points_earned: session.points_earned,
            duration: session.duration(now),
            expires_at: session.expiry(settings).map(|expiry| expiry.due_at),
        }
    }

    /// Whether it happened to this session, and not to one whose id it has since that was deleted.
    #[must_use]
    pub fn is_of(&self, session: &Session) -> bool {
        let of = (session.id, session.user_id, session.started_at);
        of == (self.session_id, self.user_id, self.started_at)
    }

    /// The session as it was then, from what is stored of it later. Its single pauses and correct
    /// items, which nobody is told of, are as they are later.
    #[must_use]
    pub fn view(&self, mut session: Session) -> SessionView {
        session.phase = self.phase;
        session.last_active_at = self.last_active_at;
        session.points_earned = self.points_earned;
        session.updated_at = self.at;
        if session.is_open() {
            session.review = SessionReview::default();
        }
        SessionView {
            session,
            expires_at: self.expires_at,
            duration: self.duration,
        }
    }
}

/// An event's place among those of its tenant, in the order in which they are told; by itself
/// good for going on after it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventPlace {
    /// Which life of the database it belongs to: places of two lives have no order.
    pub epoch: i64,
    /// The transaction.
    pub position: i64,
    /// Within the transaction, from 0.
    pub number: i64,
}
