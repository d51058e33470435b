//! The part of one tenant's data that a batch of writes touches, in memory.
//!
//! A command decides on what the ledger holds. Where it asks for something that is not loaded,
//! the ledger notes the key and halts it; the store loads what all commands of the batch noted,
//! in one statement a table, and has them decide again from the start. Deciding is pure, so
//! that is safe, and what a command needs is written nowhere but in the deciding itself.
//!
//! Sums are not loaded: what a batch adds to users and days is added to what is stored, by the
//! database.

mod goals;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use uuid::Uuid;

use self::goals::Goals;
pub use self::table::Table;
use super::{
    activity::Activity,
    event::{EventKind, SessionEvent},
    forgotten::{Forgotten, UserRows},
    ids::{ActivityId, RequestId, SessionId, UserId},
    insights::{
        effort::Effort,
        practice::PracticeAdditions,
        tally::{Additions, Tally},
    },
    points::award::{Award, ReferenceType},
    rejection::{Entity, Rejection},
    session::{EndReason, Session, SessionReview, SessionView},
    settings::TenantSettings,
    time::Timestamp,
    usage::{DailyUsage, UsageCounters, UsageRequest},
    user::{LockedUser, User},
};

/// Why a command stopped deciding.
#[derive(Debug)]
pub enum Halt {
    /// Something it needs is not loaded yet; the ledger has noted what.
    Missing,
    Rejected(Rejection),
}

impl From<Rejection> for Halt {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// A write, as a pure decision on the ledger.
///
/// Everything that can refuse it is checked before the first change, because the changes of
/// other commands in the batch stand beside it.
pub trait Command: Send + Sync + 'static {
    type Outcome: Send + Sync + 'static;

    /// Whether it changes the tenant's own row, which is then locked.
    const CHANGES_TENANT: bool = false;

    /// Whose data it writes. One user's writes are decided one after the other.
    fn user(&self) -> Option<UserId>;

    fn decide(&self, ledger: &mut Ledger) -> Result<Self::Outcome, Halt>;
}

/// The part of one tenant's data that a batch touches.
#[derive(Debug)]
pub struct Ledger {
    /// When the batch decides: the server's time for all that it writes.
    pub now: Timestamp,
    /// Users whose data is nobody else's to change until the commit: what was read of it since
    /// still stands.
    pub locks: Table<UserId, LockedUser>,
    pub sessions: Table<SessionId, Session>,
    /// Days as they are stored, for who must know.
    pub stored_days: Table<(UserId, NaiveDate), DailyUsage>,
    pub activities: Table<ActivityId, Activity>,
    pub requests: Table<RequestId, UsageRequest>,
    /// The sessions of a user that are stored as open. Their rows stand in `sessions`.
    pub open_sessions: Table<UserId, BTreeSet<SessionId>>,
    pub goals: Goals,
    /// What the batch adds to what performance is computed from.
    pub performance: Additions,
    /// What the batch adds to practice.
    pub practice: PracticeAdditions,
    /// Points that were earned, in the order of the commands.
    pub awards: Vec<Award>,
    /// What happened to sessions, in the order of the commands.
    pub events: Vec<SessionEvent>,
    /// Rows that are left of users that are marked as deleted.
    pub user_rows: Table<UserId, UserRows>,
    /// What the batch forgets.
    pub forgotten: Forgotten,
    /// What the batch adds to users.
    users: BTreeMap<UserId, User>,
    /// What the batch adds to days.
    days: BTreeMap<(UserId, NaiveDate), DailyUsage>,
    settings: TenantSettings,
    new_settings: Option<TenantSettings>,
}

impl Ledger {
    #[must_use]
    pub fn new(settings: TenantSettings, now: Timestamp) -> Self {
        Self {
            now,
            locks: Table::default(),
            sessions: Table::default(),
            stored_days: Table::default(),
            activities: Table::default(),
            requests: Table::default(),
            open_sessions: Table::default(),
            goals: Goals::default(),
            performance: Additions::default(),
            practice: PracticeAdditions::default(),
            awards: Vec::new(),
            events: Vec::new(),
            user_rows: Table::default(),
            forgotten: Forgotten::default(),
            users: BTreeMap::new(),
            days: BTreeMap::new(),
            settings,
            new_settings: None,
        }
    }

    /// The tenant's settings, with the changes of this batch.
    #[must_use]
    pub fn settings(&self) -> &TenantSettings {
        self.new_settings.as_ref().unwrap_or(&self.settings)
    }

    /// Writes new settings at the end of the batch.
    pub fn change_settings(&mut self, settings: TenantSettings) {
        self.new_settings = Some(settings);
    }

    /// The settings before and after the batch, if it changes them.
    #[must_use]
    pub fn changed_settings(&self) -> Option<(&TenantSettings, &TenantSettings)> {
        self.new_settings.as_ref().map(|new| (&self.settings, new))
    }

    /// Today, in the tenant's time zone.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        self.settings().calendar.date_of(self.now)
    }

    /// What the batch adds to users, by id, but for those that were not there when they were to
    /// be locked.
    pub fn added_users(&self) -> impl Iterator<Item = &User> {
        let users = self.users.values();
        users.filter(|user| !self.locks.is_absent(&user.id))
    }

    /// Those users: what was decided on there being nothing of them holds if there still is none.
    pub fn new_users(&self) -> impl Iterator<Item = &User> {
        let users = self.users.values();
        users.filter(|user| self.locks.is_absent(&user.id))
    }

    /// What the batch adds to days, by user and date.
    pub fn added_days(&self) -> impl Iterator<Item = &DailyUsage> {
        self.days.values()
    }

    /// Forgets all changes, for deciding anew on more.
    pub fn reset(&mut self) {
        self.sessions.revert();
        self.activities.revert();
        self.requests.revert();
        self.open_sessions.revert();
        self.goals.revert();
        self.performance.clear();
        self.practice.clear();
        self.awards.clear();
        self.events.clear();
        self.forgotten = Forgotten::default();
        self.users.clear();
        self.days.clear();
        self.new_settings = None;
    }

    /// Adds locks on `users`, of whom `found` are there, and forgets what was read without them.
    pub fn lock(
        &mut self,
        users: impl IntoIterator<Item = UserId>,
        found: impl IntoIterator<Item = (UserId, LockedUser)>,
    ) {
        self.sessions = Table::default();
        self.stored_days = Table::default();
        self.activities = Table::default();
        self.requests = Table::default();
        self.open_sessions = Table::default();
        self.goals = Goals::default();
        self.user_rows = Table::default();
        self.locks.take_missing();
        let users: Vec<_> = users.into_iter().collect();
        self.locks.load(users.iter().copied(), found);
        for user in users {
            if let Ok(
                None
                | Some(LockedUser {
                    has_active_goals: false,
                    ..
                }),
            ) = self.locks.get(user)
            {
                self.goals.active.load([user], []);
            }
        }
    }

    /// When the user was deleted, as far as is known: whoever needs to be sure asks for the lock
    /// before. What is written for a deleted user all the same is not committed, but decided anew
    /// under the lock.
    #[must_use]
    pub fn deleted_at(&self, user: UserId) -> Option<Timestamp> {
        if self.forgotten.users.contains(&user) {
            return Some(self.now);
        }
        self.locks.loaded(&user)?.deleted_at
    }

    /// Refuses to write for a user that is known to be deleted.
    pub fn refuse_deleted(&self, user: UserId) -> Result<(), Rejection> {
        match self.deleted_at(user) {
            Some(at) => Err(Rejection::UserDeleted { at }),
            None => Ok(()),
        }
    }

    /// A session of `user`, ended first if it is over by now: an expired session never comes
    /// back, whatever touches it. A deleted user has none.
    pub fn session(&mut self, user: UserId, id: SessionId) -> Result<Session, Halt> {
        self.locks.get(user)?;
        if self.deleted_at(user).is_some() {
            return Err(Rejection::NotFound(Entity::Session).into());
        }
        let found = self.sessions.get(id)?.filter(|row| row.user_id == user);
        let mut session = found.cloned().ok_or(Rejection::NotFound(Entity::Session))?;
        if let Some(expiry) = session.expired(self.settings(), self.now) {
            self.end_session(
                &mut session,
                expiry.ended_at,
                expiry.reason,
                SessionReview::default(),
            )?;
        }
        Ok(session)
    }

    /// The same, if it is still open.
    pub fn open_session(&mut self, user: UserId, id: SessionId) -> Result<Session, Halt> {
        let session = self.session(user, id)?;
        match (session.ended_at(), session.end_reason()) {
            (Some(at), Some(reason)) => Err(Rejection::SessionEnded { at, reason }.into()),
            _ => Ok(session),
        }
    }

    /// The user's open sessions, those that are over by now ended first; the one idle longest
    /// leads.
    pub fn open_sessions(&mut self, user: UserId) -> Result<Vec<Session>, Halt> {
        self.locks.get(user)?;
        if self.deleted_at(user).is_some() {
            return Ok(Vec::new());
        }
        let ids = self.open_sessions.get(user)?.cloned().unwrap_or_default();
        let mut open = Vec::with_capacity(ids.len());
        for id in ids {
            let session = self.session(user, id)?;
            if session.is_open() {
                open.push(session);
            }
        }
        open.sort_by_key(|session| (session.last_active_at, session.id));
        Ok(open)
    }

    /// Adds a session to those of its user.
    pub fn add_session(&mut self, session: Session) {
        let (id, user) = (session.id, session.user_id);
        if session.is_open()
            && let Ok(open) = self.open_sessions.get(user)
        {
            let mut open = open.cloned().unwrap_or_default();
            open.insert(id);
            self.open_sessions.put(user, open);
        }
        let kind = if session.is_open() {
            EventKind::Started
        } else {
            EventKind::Ended
        };
        self.tell(kind, &session);
        self.sessions.put(id, session);
    }

    /// Has those who watch told what happened to a session, which is as it is after that.
    pub fn tell(&mut self, kind: EventKind, session: &Session) {
        let event = SessionEvent::of(kind, session, self.settings(), self.now);
        self.events.push(event);
    }

    /// Ends a session that is open, and counts its time for its user and days.
    pub fn end_session(
        &mut self,
        session: &mut Session,
        at: Timestamp,
        reason: EndReason,
        review: SessionReview,
    ) -> Result<(), Halt> {
        session.end(at, reason, review, self.settings());
        session.updated_at = self.now;
        self.count_end(session)?;
        self.tell(EventKind::Ended, session);
        self.sessions.put(session.id, session.clone());
        Ok(())
    }

    /// Counts an ended session: its seconds for its user and each local day, itself for the
    /// day of its start, what performance is computed from, the user's goals, and the points of
    /// its time.
    pub fn count_end(&mut self, session: &Session) -> Result<(), Halt> {
        let done = Tally::of_session(session, self.settings(), self.now);
        for (date, tally) in &done {
            self.performance.add(session, *date, *tally);
        }
        for (date, effort) in Effort::of_session(session, self.settings(), self.now) {
            self.performance.add_effort(session, date, effort);
        }
        let mut by_day = session.seconds_by_day(self.settings(), self.now);
        // Less than a second is no use of a day.
        by_day.retain(|(_, part)| *part > 0);
        let total: i64 = by_day.iter().map(|(_, part)| part).sum();
        let user = self.user(session.user_id, session.started_at);
        user.total_usage_seconds = user.total_usage_seconds.saturating_add(total);
        user.seen(session.last_active_at);
        for (date, part) in by_day {
            let day = self.day(session.user_id, date);
            day.active_seconds = day.active_seconds.saturating_add(part);
        }
        let completed = i64::from(session.is_completed());
        let day = self.day(session.user_id, session.start_date);
        day.sessions_completed = day.sessions_completed.saturating_add(completed);
        self.practice.count(session);
        let points = session.time_points(self.now, self.settings());
        self.award(
            session.user_id,
            points,
            ReferenceType::Session,
            session.id.0,
        );
        self.count_for_goals(session, &done)
    }

    /// Has the service that keeps points told of them, if there are any.
    pub fn award(&mut self, user: UserId, points: i64, kind: ReferenceType, reference: Uuid) {
        if points > 0 {
            self.awards.push(Award {
                user_id: user,
                points,
                reference_type: kind,
                reference_id: reference,
                earned_at: self.now,
            });
        }
    }

    /// Counts an activity of a session for the local day of its own start.
    pub fn count_activity(&mut self, session: &Session, activity: &Activity) -> Result<(), Halt> {
        let date = self.settings().calendar.date_of(activity.started_at);
        let tally = Tally::of_activity(&activity.details);
        self.performance.add(session, date, tally);
        let effort = Effort::of_activity(activity);
        self.performance.add_effort(session, date, effort);
        self.count_for_goals(session, &[(date, tally)])
    }

    /// A sign of life of a session and of its user.
    pub fn touch(&mut self, session: &mut Session) {
        self.user(session.user_id, self.now);
        session.touch(self.now);
        session.updated_at = self.now;
        self.sessions.put(session.id, session.clone());
    }

    /// What the batch adds to a user, who did something at `seen`.
    pub fn user(&mut self, id: UserId, seen: Timestamp) -> &mut User {
        let user = self.user_unseen(id);
        user.seen(seen);
        user
    }

    /// What the batch adds to a user that is there, who need not have done anything.
    fn user_unseen(&mut self, id: UserId) -> &mut User {
        let now = self.now;
        let user = self.users.entry(id);
        user.or_insert_with(|| User::unseen(id, now))
    }

    /// What the batch adds to one of a user's days. To add nothing is to use the day.
    pub fn day(&mut self, user: UserId, date: NaiveDate) -> &mut UsageCounters {
        let day = self.days.entry((user, date));
        let day = day.or_insert_with(|| DailyUsage::new(user, date, self.now));
        &mut day.counters
    }

    /// A user's day as it stands after what was added so far.
    pub fn day_so_far(&mut self, user: UserId, date: NaiveDate) -> Result<DailyUsage, Halt> {
        self.locks.get(user)?;
        let stored = self.stored_days.get((user, date))?.cloned();
        let Some(added) = self.days.get(&(user, date)) else {
            return Ok(stored.unwrap_or_else(|| DailyUsage::new(user, date, self.now)));
        };
        let mut day = added.clone();
        if let Some(stored) = stored {
            day.counters.merge(&stored.counters);
        }
        Ok(day)
    }

    /// A session as it is seen when the batch decides.
    #[must_use]
    pub fn view(&self, session: Session) -> SessionView {
        session.view(self.settings(), self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decided_anew_earns_once() {
        let mut ledger = Ledger::new(TenantSettings::default(), Timestamp::FIRST);
        let user = UserId(Uuid::from_u128(1));
        for _ in 0..2 {
            ledger.reset();
            ledger.award(user, 5, ReferenceType::Session, Uuid::from_u128(2));
            ledger.award(user, 0, ReferenceType::Activity, Uuid::from_u128(3));
        }
        assert_eq!(ledger.awards.len(), 1);
    }
}
