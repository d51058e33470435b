//! A store of its own for each case, and short forms of what cases write and read.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;
use dwell::{
    domain::{
        commands::{
            EndSession, Ended, ExpireSession, Heartbeat, PauseSession, RecordUsage, ResumeSession,
            StartSession, Started, UpdateSettings,
        },
        fingerprint::Fingerprint,
        ids::{IdSource, RequestId, SessionId, TenantId, UserId},
        ledger::Command,
        period::DateRange,
        rejection::{Entity, Rejection},
        session::{CompletionStatus, EndReason, SessionContext, SessionReview, SessionView},
        settings::{SettingsPatch, TenantSettings},
        time::{Clock, ManualClock, Timestamp},
        usage::{DailyUsage, UsageCounters, UsageIncrement},
        user::UserSummary,
    },
    store::{
        Error, Store,
        events::Events,
        open,
        points::Outbox,
        practice::{PracticeHistory, PracticeTimes},
        writer,
    },
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::{
    ids::{CountedIds, tenant},
    postgres,
};

pub const MINUTE: u64 = 60;
pub const HOUR: u64 = 3_600;

/// A store, the way to write to it, and the tenant for whom its short forms act.
#[derive(Clone)]
pub struct Fixture {
    pub store: Arc<dyn Store>,
    pub writer: writer::Handle,
    pub clock: Arc<ManualClock>,
    pub ids: Arc<CountedIds>,
    pub tenant: TenantId,
    running: Arc<Mutex<Option<writer::Writer>>>,
    pub url: Arc<str>,
    dir: Option<Arc<TempDir>>,
}

impl Fixture {
    pub async fn sqlite() -> Self {
        let dir = TempDir::new().unwrap();
        let url = format!("sqlite://{}", dir.path().join("db").display());
        Self::on(&url, Some(dir)).await
    }

    pub async fn postgres() -> Self {
        Self::on(&postgres::database().await, None).await
    }

    /// It is noon of a Friday.
    async fn on(url: &str, dir: Option<TempDir>) -> Self {
        let clock = Arc::new(ManualClock::at(at("2026-11-20T12:00:00Z")));
        let ids = Arc::new(CountedIds::default());
        Self::open(url, dir.map(Arc::new), clock, ids).await
    }

    /// Another instance of the service on the same database, with the same clock and ids.
    pub async fn second_instance(&self) -> Self {
        let (clock, ids) = (self.clock.clone(), self.ids.clone());
        Self::open(&self.url, self.dir.clone(), clock, ids).await
    }

    async fn open(
        url: &str,
        dir: Option<Arc<TempDir>>,
        clock: Arc<ManualClock>,
        ids: Arc<CountedIds>,
    ) -> Self {
        let opened = open(
            url,
            None,
            true,
            Outbox::On,
            Events::On,
            clock.clone(),
            ids.clone(),
        )
        .await
        .unwrap();
        Self {
            store: opened.store,
            writer: opened.writer.handle(),
            clock,
            ids,
            tenant: tenant(0x1),
            running: Arc::new(Mutex::new(Some(opened.writer))),
            url: url.into(),
            dir,
        }
    }

    /// Shuts the writer down.
    pub async fn close(&self) {
        let writer = self.running.lock().unwrap().take();
        writer.unwrap().close().await;
    }

    /// The same store for another tenant.
    pub fn for_tenant(&self, number: u128) -> Self {
        Self {
            tenant: tenant(number),
            ..self.clone()
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn set_clock(&self, time: &str) {
        self.clock.set(at(time));
    }

    pub fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub fn new_id(&self) -> Uuid {
        self.ids.next(self.now())
    }

    pub async fn submit<C: Command>(&self, command: C) -> Result<C::Outcome, Error> {
        self.writer.submit(self.tenant, command).await
    }

    pub async fn submit_for<C: Command>(
        &self,
        session: SessionId,
        command: impl Fn(UserId) -> C,
    ) -> Result<C::Outcome, Error> {
        self.writer.submit_for(self.tenant, session, command).await
    }

    /// Starts a session with an id of the server's.
    pub async fn start(&self, user: UserId) -> SessionId {
        let id = SessionId(self.new_id());
        self.start_as(user, id).await.unwrap();
        id
    }

    pub async fn start_as(&self, user: UserId, id: SessionId) -> Result<Started, Error> {
        self.submit(start_session(user, id)).await
    }

    pub async fn heartbeat(&self, id: SessionId) -> Result<SessionView, Error> {
        self.submit_for(id, |user_id| Heartbeat {
            user_id,
            session_id: id,
        })
        .await
    }

    pub async fn pause(&self, id: SessionId) -> Result<SessionView, Error> {
        self.submit_for(id, |user_id| PauseSession {
            user_id,
            session_id: id,
        })
        .await
    }

    pub async fn resume(&self, id: SessionId) -> Result<SessionView, Error> {
        self.submit_for(id, |user_id| ResumeSession {
            user_id,
            session_id: id,
        })
        .await
    }

    /// Ends a session as completed.
    pub async fn end(&self, id: SessionId) -> Result<Ended, Error> {
        self.end_at(id, None).await
    }

    pub async fn end_at(&self, id: SessionId, end_time: Option<Timestamp>) -> Result<Ended, Error> {
        self.end_with(id, completed(), end_time).await
    }

    pub async fn end_with(
        &self,
        id: SessionId,
        review: SessionReview,
        end_time: Option<Timestamp>,
    ) -> Result<Ended, Error> {
        self.submit_for(id, |user_id| EndSession {
            user_id,
            session_id: id,
            review: review.clone(),
            end_time,
        })
        .await
    }

    /// What the sweep does with a session.
    pub async fn expire(&self, id: SessionId) -> Result<bool, Error> {
        self.submit_for(id, |user_id| ExpireSession {
            user_id,
            session_id: id,
        })
        .await
    }

    pub async fn record(
        &self,
        user: UserId,
        date: Option<&str>,
        increment: UsageIncrement,
    ) -> Result<DailyUsage, Error> {
        self.submit(RecordUsage {
            user_id: user,
            date: date.map(day),
            increment,
            request: None,
        })
        .await
    }

    pub async fn record_once(
        &self,
        user: UserId,
        increment: UsageIncrement,
        request: u128,
    ) -> Result<DailyUsage, Error> {
        let print = Fingerprint::of("RecordUsage", &(user, &increment));
        self.submit(RecordUsage {
            user_id: user,
            date: None,
            increment,
            request: Some((RequestId(Uuid::from_u128(request)), print)),
        })
        .await
    }

    pub async fn set(&self, patch: SettingsPatch) -> TenantSettings {
        self.submit(UpdateSettings { patch }).await.unwrap()
    }

    pub async fn set_zone(&self, zone: Tz) -> TenantSettings {
        self.set(SettingsPatch {
            time_zone: Some(zone),
            ..SettingsPatch::default()
        })
        .await
    }

    /// Whether it is there, and as it is seen now.
    pub async fn find_session(&self, id: SessionId) -> Option<SessionView> {
        let found = self.store.get_session(self.tenant, id, self.now()).await;
        found.unwrap()
    }

    pub async fn session(&self, id: SessionId) -> SessionView {
        self.find_session(id).await.unwrap()
    }

    pub async fn find_user(&self, id: UserId) -> Option<UserSummary> {
        let found = self.store.get_user(self.tenant, id, self.now()).await;
        found.unwrap()
    }

    pub async fn user(&self, id: UserId) -> UserSummary {
        self.find_user(id).await.unwrap()
    }

    /// All days of a user.
    pub async fn days(&self, user: UserId) -> Vec<DailyUsage> {
        let range = days("2000-01-01", "2100-01-01");
        let found = self.store.get_user_days(self.tenant, user, range).await;
        found.unwrap().days
    }

    /// The counters of one day; of no use if it has no row.
    pub async fn counters(&self, user: UserId, date: &str) -> UsageCounters {
        let days = self.days(user).await;
        let found = days.into_iter().find(|row| row.date == day(date));
        found.map(|row| row.counters).unwrap_or_default()
    }

    /// All that is known of how much a user practised; open sessions by id.
    pub async fn practice(&self, user: UserId) -> PracticeHistory {
        let found = self.store.get_practice_history(self.tenant, user).await;
        let mut found = found.unwrap();
        found.open.sort_by_key(|session| session.id);
        found
    }

    /// When a user began to practise in so many days.
    pub async fn practice_times(&self, user: UserId, days: u16) -> PracticeTimes {
        let found = self
            .store
            .get_practice_times(self.tenant, user, days, self.now())
            .await;
        found.unwrap()
    }

    /// Each day with its active seconds.
    pub async fn seconds_by_day(&self, user: UserId) -> Vec<(String, i64)> {
        let days = self.days(user).await;
        days.into_iter()
            .map(|row| (row.date.to_string(), row.counters.active_seconds))
            .collect()
    }
}

pub const fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

pub const fn session(number: u128) -> SessionId {
    SessionId(Uuid::from_u128(number))
}

pub fn at(time: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(time).unwrap().to_utc().into()
}

pub fn day(date: &str) -> NaiveDate {
    date.parse().unwrap()
}

pub fn days(start: &str, end: &str) -> DateRange {
    DateRange {
        start: day(start),
        end: day(end),
    }
}

pub fn on_days(days: &[(&str, i64)]) -> Vec<(String, i64)> {
    days.iter()
        .map(|(date, seconds)| ((*date).to_owned(), *seconds))
        .collect()
}

/// What callers send if they say little.
pub fn context() -> SessionContext {
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

/// A start whose id the caller chose.
pub fn start_session(user: UserId, id: SessionId) -> StartSession {
    start_with(user, id, context())
}

pub fn start_with(user: UserId, id: SessionId, context: SessionContext) -> StartSession {
    StartSession {
        user_id: user,
        session_id: id,
        fingerprint: Some(Fingerprint::of("StartSession", &(user, &context))),
        context,
    }
}

pub fn completed() -> SessionReview {
    SessionReview {
        completion: Some(CompletionStatus::Completed),
        ..SessionReview::default()
    }
}

pub fn seconds(active_seconds: i64) -> UsageIncrement {
    UsageIncrement {
        active_seconds,
        ..UsageIncrement::default()
    }
}

pub fn not_found() -> Error {
    Rejection::NotFound(Entity::Session).into()
}

pub fn ended(time: &str, reason: EndReason) -> Error {
    let at = at(time);
    Rejection::SessionEnded { at, reason }.into()
}

/// The one field that an answer finds wrong.
pub fn invalid_field<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::Rejected(Rejection::Invalid(violations))) => {
            assert_eq!(violations.len(), 1);
            violations[0].field.clone()
        }
        other => panic!("not a violation: {other:?}"),
    }
}
