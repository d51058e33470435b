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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        activity::ActivityDetails,
        commands::{
            EndSession, Heartbeat, LogActivity, PauseSession, RecordSession, RecordedTime,
            ResumeSession, RevokeSessions, StartSession,
        },
        ids::ActivityId,
        ledger::{Command, Ledger},
        session::{EndReason, SessionContext},
        user::LockedUser,
    };

    const USER: UserId = UserId(Uuid::from_u128(1));
    const SESSION: SessionId = SessionId(Uuid::from_u128(2));

    /// A batch that has locked the user, of whom nothing is stored.
    fn ledger() -> Ledger {
        let settings = TenantSettings {
            max_open_sessions: Some(1),
            ..TenantSettings::default()
        };
        let mut ledger = Ledger::new(settings, Timestamp::FIRST + Duration::from_hours(48));
        let row = LockedUser {
            has_active_goals: false,
            deleted_at: None,
        };
        ledger.lock([USER], [(USER, row)]);
        ledger.open_sessions.load([USER], []);
        ledger
    }

    fn context() -> SessionContext {
        SessionContext {
            session_type: "normal".to_owned(),
            client_type: "web".to_owned(),
            client_info: String::new(),
            ip_address: None,
            subject: None,
            focus_mode: false,
            location: String::new(),
            metadata: None,
        }
    }

    fn start(number: u128) -> StartSession {
        StartSession {
            user_id: USER,
            session_id: SessionId(Uuid::from_u128(number)),
            context: context(),
            fingerprint: None,
        }
    }

    /// What a command has told, as kinds and sessions.
    fn told<C: Command>(ledger: &mut Ledger, command: &C) -> Vec<(EventKind, u128)> {
        ledger.events.clear();
        command.decide(ledger).map(drop).unwrap();
        let events = ledger.events.iter();
        let told = events.map(|event| (event.kind, event.session_id.0.as_u128()));
        told.collect()
    }

    fn pause() -> PauseSession {
        PauseSession {
            user_id: USER,
            session_id: SESSION,
        }
    }

    #[test]
    fn a_command_tells_of_what_it_changes() {
        use EventKind::{ActivityLogged, Ended, Paused, Resumed, Started};

        let mut ledger = ledger();
        let ledger = &mut ledger;
        assert_eq!(told(ledger, &start(2)), [(Started, 2)]);
        let heartbeat = Heartbeat {
            user_id: USER,
            session_id: SESSION,
        };
        assert_eq!(told(ledger, &heartbeat), []);
        assert_eq!(told(ledger, &pause()), [(Paused, 2)]);
        assert_eq!(told(ledger, &pause()), []);
        let resume = ResumeSession {
            user_id: USER,
            session_id: SESSION,
        };
        assert_eq!(told(ledger, &resume), [(Resumed, 2)]);
        assert_eq!(told(ledger, &resume), []);
        let activity = LogActivity {
            user_id: USER,
            session_id: SESSION,
            activity_id: ActivityId(Uuid::from_u128(9)),
            details: ActivityDetails {
                activity_type: "reading".to_owned(),
                content_type: String::new(),
                content_id: String::new(),
                items_completed: 0,
                items_correct: 0,
                metadata: None,
            },
            start_time: None,
            duration: Duration::ZERO,
            fingerprint: None,
        };
        assert_eq!(told(ledger, &activity), [(ActivityLogged, 2)]);
        // One makes room for the next.
        assert_eq!(told(ledger, &start(3)), [(Ended, 2), (Started, 3)]);
        let end = EndSession {
            user_id: USER,
            session_id: SessionId(Uuid::from_u128(3)),
            review: SessionReview::default(),
            end_time: None,
        };
        assert_eq!(told(ledger, &end), [(Ended, 3)]);
        assert_eq!(told(ledger, &end), []);
        let record = RecordSession {
            user_id: USER,
            session_id: SessionId(Uuid::from_u128(4)),
            context: context(),
            review: SessionReview::default(),
            time: RecordedTime::Last(Duration::from_mins(5)),
            fingerprint: None,
        };
        assert_eq!(told(ledger, &record), [(Ended, 4)]);
        assert_eq!(told(ledger, &start(5)), [(Started, 5)]);
        let revoke = RevokeSessions {
            user_id: USER,
            session_ids: None,
            except: None,
        };
        assert_eq!(told(ledger, &revoke), [(Ended, 5)]);
        ledger.reset();
        assert_eq!(ledger.events, []);
    }

    #[test]
    fn who_touches_an_expired_session_tells_of_its_end_first() {
        let mut ledger = ledger();
        start(2).decide(&mut ledger).unwrap();
        let begun = ledger.now;
        ledger.now = begun + Duration::from_hours(1);
        ledger.events.clear();
        assert!(pause().decide(&mut ledger).is_err());
        let reason = EndReason::IdleTimeout;
        let event = *ledger.events.first().unwrap();
        assert_eq!(event.kind, EventKind::Ended);
        assert_eq!(event.phase, Phase::Ended { at: begun, reason });
        assert_eq!((event.at, ledger.events.len()), (ledger.now, 1));
    }

    #[test]
    fn later_changes_do_not_show_in_an_event() {
        let mut ledger = ledger();
        start(2).decide(&mut ledger).unwrap();
        ledger.now = ledger.now + Duration::from_mins(3);
        let paused = pause().decide(&mut ledger).unwrap();
        let event = *ledger.events.last().unwrap();
        ledger.now = ledger.now + Duration::from_mins(3);
        let review = SessionReview {
            notes: "well done".to_owned(),
            ..SessionReview::default()
        };
        let end = EndSession {
            user_id: USER,
            session_id: SESSION,
            review,
            end_time: None,
        };
        let mut later = end.decide(&mut ledger).unwrap().view.session;
        assert!(event.is_of(&later));
        let mut view = event.view(later.clone());
        // What nobody is told of.
        view.session.pauses.clear();
        view.session.sweep_at = paused.session.sweep_at;
        assert_eq!(view, paused);
        later.started_at = later.started_at + Duration::from_secs(1);
        assert!(!event.is_of(&later));
    }
}
