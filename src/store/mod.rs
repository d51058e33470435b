//! What is kept, and how it is read and written.
//!
//! [`Store`] is the contract for reading: its comments are what the conformance suite checks
//! on both engines. There is one way to write, [`writer::Handle`].

pub mod backup;
pub mod check;
mod citus;
pub mod events;
pub mod goals;
pub mod performance;
pub mod points;
mod postgres;
pub mod practice;
pub mod privacy;
pub mod report;
mod row_security;
pub mod schema;
mod sql;
mod sqlite;
pub mod stats;
pub mod totals;
pub mod writer;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use chrono::NaiveDate;
use uuid::Uuid;

use crate::{
    config::is_sqlite,
    domain::{
        activity::Activity,
        ids::{ActivityId, IdSource, RequestId, SessionId, TenantId, UserId},
        period::DateRange,
        rejection::Rejection,
        report::UserCounts,
        session::{Session, SessionFilter, SessionTotals, SessionView},
        settings::TenantSettings,
        time::{Clock, Timestamp},
        usage::{DailyUsage, UsageCounters},
        user::UserSummary,
    },
};

pub use self::sql::{listing::SessionKey, privacy::UserRowKey};
use self::{
    events::{EventStore, Events},
    goals::GoalStore,
    performance::PerformanceStore,
    points::{Outbox, PointsStore},
    practice::PracticeStore,
    privacy::PrivacyStore,
    report::ReportStore,
    totals::TotalsStore,
};

/// Why the store does not do what it was asked.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Error {
    /// The caller's to act on.
    #[error("rejected: {0:?}")]
    Rejected(Rejection),
    /// The queue is full; nothing was done.
    #[error("too many writes are waiting")]
    Overloaded,
    /// The service is stopping; nothing was done.
    #[error("shutting down")]
    ShuttingDown,
    /// The database is away, or busy beyond patience. Nothing was done.
    #[error("the database is unavailable")]
    Unavailable,
    /// The connection broke at the commit and the outcome could not be learned.
    #[error("the outcome is unknown")]
    OutcomeUnknown,
    /// A fault of dwell or of its data. The log has more under the same id.
    #[error("internal error {incident}")]
    Internal { incident: Uuid },
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// Some rows in order, and where to go on.
#[derive(Clone, PartialEq, Debug)]
pub struct Page<T, K> {
    pub items: Vec<T>,
    /// The last row's key, if there are more rows after it.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Of `limit + 1` rows or fewer, the first `limit`.
    fn cut(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> K) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(key);
        Self { items, next }
    }
}

/// A user's days, and what is still open.
#[derive(Clone, PartialEq, Debug)]
pub struct UserDays {
    pub settings: TenantSettings,
    pub days: Vec<DailyUsage>,
    pub open: Vec<Session>,
}

/// What a report of a tenant's use is made of.
#[derive(Clone, PartialEq, Debug)]
pub struct ReportData {
    /// All users' counters by day; days without use are left out.
    pub days: BTreeMap<NaiveDate, UsageCounters>,
    /// Periods without users are left out.
    pub users: BTreeMap<DateRange, UserCounts>,
}

/// A user's place in a list by the day (in UTC) of the last activity.
pub type UserKey = (NaiveDate, UserId);
/// An activity's place in a session.
pub type ActivityKey = (Timestamp, ActivityId);
/// A day's place in a tenant's days.
pub type DayKey = (NaiveDate, UserId);

/// Everything that is read.
///
/// Each method acts inside the tenant that it is given and finds nothing of another's. What is
/// not there is `None` or empty, never an error. A read sees every write that was answered
/// before it began; those that may come from a replica, if there is one, see what has reached
/// it. A session that is over at `now` is seen as ended, whether or not the sweep
/// has been there. No method holds a connection after it returns, and one whose caller goes
/// away runs to its end in a task of its own.
#[async_trait]
pub trait Store:
    EventStore
    + GoalStore
    + PerformanceStore
    + PointsStore
    + PracticeStore
    + PrivacyStore
    + ReportStore
    + TotalsStore
{
    /// The tenant's settings; the defaults if it never set any.
    async fn get_settings(&self, tenant: TenantId) -> Result<TenantSettings, Error>;

    async fn get_session(
        &self,
        tenant: TenantId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<SessionView>, Error>;

    /// The users of those of the sessions that exist, in no order.
    async fn list_owners(
        &self,
        tenant: TenantId,
        ids: Vec<SessionId>,
    ) -> Result<Vec<(SessionId, UserId)>, Error>;

    /// Newest start first, equal starts by id descending; `after` itself is not repeated.
    async fn list_sessions(
        &self,
        tenant: TenantId,
        filter: SessionFilter,
        after: Option<SessionKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<SessionView, SessionKey>, Error>;

    /// All that match, and their time up to `now`.
    async fn sum_sessions(
        &self,
        tenant: TenantId,
        filter: SessionFilter,
        now: Timestamp,
    ) -> Result<SessionTotals, Error>;

    /// Oldest start first, equal starts by id. `None` if the session is not there.
    async fn list_activities(
        &self,
        tenant: TenantId,
        session: SessionId,
        after: Option<ActivityKey>,
        limit: usize,
    ) -> Result<Option<Page<Activity, ActivityKey>>, Error>;

    /// The user's days in the range, oldest first, and the sessions stored as open, of one
    /// instant.
    async fn get_user_days(
        &self,
        tenant: TenantId,
        user: UserId,
        range: DateRange,
    ) -> Result<UserDays, Error>;

    /// Days of these users (none are all) by date and user; `after` itself is not repeated. May
    /// come from a replica.
    async fn list_days(
        &self,
        tenant: TenantId,
        range: DateRange,
        users: Vec<UserId>,
        after: Option<DayKey>,
        limit: usize,
    ) -> Result<Page<DailyUsage, DayKey>, Error>;

    /// The sums of each day in `range`, and the users in each of `periods`, of one instant. May
    /// come from a replica.
    async fn get_report_data(
        &self,
        tenant: TenantId,
        range: DateRange,
        periods: Vec<DateRange>,
    ) -> Result<ReportData, Error>;

    async fn get_user(
        &self,
        tenant: TenantId,
        id: UserId,
        now: Timestamp,
    ) -> Result<Option<UserSummary>, Error>;

    /// Users last active before `inactive_since` (`None` is all), by the day in UTC on which
    /// they were, the longest silent first, and by id; `after` itself is not repeated.
    async fn list_users(
        &self,
        tenant: TenantId,
        inactive_since: Option<Timestamp>,
        after: Option<UserKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<UserSummary, UserKey>, Error>;

    /// For an operator to pick from: tenants after `after`, by id.
    async fn list_tenants(
        &self,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error>;

    /// For the sweep: tenants after `after` that have sessions to look at by `now`, by id.
    async fn list_tenants_to_sweep(
        &self,
        now: Timestamp,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error>;

    /// Open sessions to look at by `now`, the longest due first.
    async fn list_sessions_to_sweep(
        &self,
        tenant: TenantId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(SessionId, UserId)>, Error>;

    /// For retention: tenants after `after` with requests remembered since before `time`.
    async fn list_tenants_with_requests_before(
        &self,
        time: Timestamp,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error>;

    /// Requests remembered since before `time`, the oldest first.
    async fn list_requests_before(
        &self,
        tenant: TenantId,
        time: Timestamp,
        limit: usize,
    ) -> Result<Vec<RequestId>, Error>;

    /// The service's own key of that name, the same for all instances, made at first use.
    async fn service_key(&self, name: &'static str) -> Result<Vec<u8>, Error>;

    /// Fails if the database does not answer.
    async fn ping(&self) -> Result<(), Error>;

    /// Writes back, for as long as it is polled, what commits leave in a log, where the engine
    /// would have the batches do that.
    async fn write_back(&self);

    /// Has the engine look at tables that have grown much since it planned by them last, and
    /// returns how many.
    async fn learn_tables(&self) -> Result<usize, Error>;

    /// Closes all connections, the writer's too, in good order. Nothing can be read or written
    /// afterwards.
    async fn close(&self);
}

/// The store and the one way to write to it.
pub struct Opened {
    pub store: Arc<dyn Store>,
    pub writer: writer::Writer,
}

/// Why a database cannot be opened. What the engine said goes to whoever runs it, and holds no
/// secret of the URL.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the database cannot be opened: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the schema cannot be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("the schema is not up to date: run `dwell migrate`")]
    Outdated,
    /// PostgreSQL would not keep tenants apart, and why.
    #[error("tenants are not kept apart: {0}")]
    NotApart(String),
}

/// Opens the database at `url`; brings its schema up to date if `migrate`, and otherwise
/// insists that it is. A `replica`, which only PostgreSQL has, need not be there yet.
///
/// # Errors
/// Fails if the database cannot be reached, its schema is not up to date in the end, or it would
/// not keep tenants apart.
pub async fn open(
    url: &str,
    replica: Option<&str>,
    migrate: bool,
    outbox: Outbox,
    events: Events,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
) -> Result<Opened, OpenError> {
    if is_sqlite(url) {
        let pools = sqlite::open(url, migrate).await?;
        let store = Arc::new(sql::SqlStore::new(pools, outbox, events, clock, ids));
        Ok(opened(store, sqlite::LANES))
    } else {
        let pools = postgres::open(url, replica, migrate).await?;
        let store = Arc::new(sql::SqlStore::new(pools, outbox, events, clock, ids));
        Ok(opened(store, postgres::LANES))
    }
}

/// Brings the schema of the database at `url` up to date.
///
/// # Errors
/// Fails if the database cannot be reached or migrated, or would not keep tenants apart.
pub async fn migrate(url: &str) -> Result<(), OpenError> {
    if is_sqlite(url) {
        // What is migrated is in the file, not in the log beside it.
        sqlite::open(url, true).await?.close().await;
    } else {
        postgres::open(url, None, true).await?.close().await;
    }
    Ok(())
}

fn opened<S: Store + writer::Apply + 'static>(store: Arc<S>, lanes: usize) -> Opened {
    let apply: Arc<dyn writer::Apply> = store.clone();
    Opened {
        writer: writer::Writer::start(&apply, store.clone(), lanes),
        store,
    }
}
