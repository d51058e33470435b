use crate::domain::{
    ids::UserId,
    ledger::{Command, Halt, Ledger},
    rejection::{Entity, Rejection},
    time::Timestamp,
};

/// Marks a user as deleted. From then on nothing is written for the user, so what is left of
/// the user's rows can go piece by piece, by [`EraseRows`](super::EraseRows).
#[derive(Clone, Debug)]
pub struct DeleteUser {
    pub user_id: UserId,
}

/// A user that is deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deleted {
    pub at: Timestamp,
    /// It was so before.
    pub already: bool,
}

impl Command for DeleteUser {
    type Outcome = Deleted;

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<Deleted, Halt> {
        if ledger.locks.get(self.user_id)?.is_none() {
            return Err(Rejection::NotFound(Entity::User).into());
        }
        let before = ledger.deleted_at(self.user_id);
        if before.is_none() {
            ledger.forgotten.users.insert(self.user_id);
        }
        Ok(Deleted {
            at: before.unwrap_or(ledger.now),
            already: before.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::NaiveDate;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{
        commands::{
            EraseRows, Erased, Heartbeat, PurgeSession, RecordSession, RecordUsage, RecordedTime,
            RevokeSessions, StartSession,
        },
        forgotten::UserRows,
        ids::SessionId,
        session::{SessionContext, SessionReview},
        settings::TenantSettings,
        usage::UsageIncrement,
        user::LockedUser,
    };

    const USER: UserId = UserId(Uuid::from_u128(1));
    const SESSION: SessionId = SessionId(Uuid::from_u128(2));
    const THEN: Timestamp = Timestamp::FIRST;

    /// A batch that has locked the user.
    fn locked(deleted_at: Option<Timestamp>) -> Ledger {
        let now = THEN + Duration::from_hours(1);
        let mut ledger = Ledger::new(TenantSettings::default(), now);
        let row = LockedUser {
            has_active_goals: false,
            deleted_at,
        };
        ledger.lock([USER], [(USER, row)]);
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

    fn refusal<C: Command>(command: &C, ledger: &mut Ledger) -> Option<Rejection> {
        match command.decide(ledger) {
            Err(Halt::Rejected(rejection)) => Some(rejection),
            _ => None,
        }
    }

    /// What each write is refused with.
    fn refusals(ledger: &mut Ledger) -> [Option<Rejection>; 4] {
        let start = StartSession {
            user_id: USER,
            session_id: SESSION,
            context: context(),
            fingerprint: None,
        };
        let record = RecordSession {
            user_id: USER,
            session_id: SESSION,
            context: context(),
            review: SessionReview::default(),
            time: RecordedTime::Last(Duration::from_secs(1)),
            fingerprint: None,
        };
        let usage = RecordUsage {
            user_id: USER,
            date: NaiveDate::from_ymd_opt(2000, 1, 1),
            increment: UsageIncrement::default(),
            request: None,
        };
        let heartbeat = Heartbeat {
            user_id: USER,
            session_id: SESSION,
        };
        [
            refusal(&start, ledger),
            refusal(&record, ledger),
            refusal(&usage, ledger),
            refusal(&heartbeat, ledger),
        ]
    }

    fn gone(at: Timestamp) -> [Option<Rejection>; 4] {
        let deleted = Some(Rejection::UserDeleted { at });
        let not_found = Some(Rejection::NotFound(Entity::Session));
        [deleted.clone(), deleted.clone(), deleted, not_found]
    }

    #[test]
    fn nothing_is_written_for_a_deleted_user() {
        let mut ledger = locked(Some(THEN));
        assert_eq!(refusals(&mut ledger), gone(THEN));
        let revoke = RevokeSessions {
            user_id: USER,
            session_ids: None,
            except: None,
        };
        assert_eq!(revoke.decide(&mut ledger).unwrap().session_ids, []);
        let purge = PurgeSession {
            user_id: USER,
            session_id: SESSION,
            before: ledger.now,
        };
        assert!(!purge.decide(&mut ledger).unwrap());
        assert_eq!(ledger.added_users().count(), 0);
        assert_eq!(ledger.added_days().count(), 0);
    }

    #[test]
    fn nor_by_what_comes_later_in_the_batch_that_deletes() {
        let mut ledger = locked(None);
        let delete = DeleteUser { user_id: USER };
        let now = ledger.now;
        let deleted = |already| Deleted { at: now, already };
        assert_eq!(delete.decide(&mut ledger).unwrap(), deleted(false));
        assert_eq!(refusals(&mut ledger), gone(now));
        assert_eq!(delete.decide(&mut ledger).unwrap(), deleted(true));
        // What the batch wrote before is not stored yet.
        let erase = EraseRows { user_id: USER };
        assert_eq!(erase.decide(&mut ledger).unwrap(), Erased::Later);
    }

    #[test]
    fn rows_are_erased_once_in_a_batch() {
        let mut ledger = locked(Some(THEN));
        let erase = EraseRows { user_id: USER };
        assert!(matches!(erase.decide(&mut ledger), Err(Halt::Missing)));
        let next = UserRows {
            table: "some",
            rows: 7,
        };
        ledger.user_rows.load([USER], [(USER, next)]);
        assert_eq!(erase.decide(&mut ledger).unwrap(), Erased::Rows(next));
        assert_eq!(erase.decide(&mut ledger).unwrap(), Erased::Later);
    }

    #[test]
    fn who_is_not_there_or_not_deleted_is_not_found() {
        let not_found = Some(Rejection::NotFound(Entity::User));
        let mut ledger = locked(None);
        let erase = EraseRows { user_id: USER };
        assert_eq!(refusal(&erase, &mut ledger), not_found);
        let nobody = UserId(Uuid::from_u128(3));
        ledger.lock([nobody], []);
        let delete = DeleteUser { user_id: nobody };
        assert_eq!(refusal(&delete, &mut ledger), not_found);
    }
}
