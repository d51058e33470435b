//! The reading half of the store.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::future::BoxFuture;
use tokio::{sync::oneshot, time::sleep};
use tracing::warn;
use uuid::Uuid;

use super::{
    SqlStore, activities, days,
    dialect::{Dialect, ErrorClass, Query, Reader, Speaks, get},
    fault::Fault,
    listing,
    pools::Tx,
    requests, sessions, tenant_usage, tenants, users,
};
use crate::{
    domain::{
        activity::Activity,
        ids::{RequestId, SessionId, TenantId, UserId},
        period::DateRange,
        session::{Session, SessionFilter, SessionTotals, SessionView},
        settings::TenantSettings,
        time::Timestamp,
        usage::DailyUsage,
        user::UserSummary,
    },
    store::{ActivityKey, DayKey, Error, Page, ReportData, SessionKey, Store, UserDays, UserKey},
    telemetry::traces::carry,
};

pub const INSERT_KEY: &str = "
    INSERT INTO service_keys (name, key) VALUES ($1, $2) ON CONFLICT DO NOTHING";
pub const SELECT_KEY: &str = "SELECT key FROM service_keys WHERE name = $1";
pub const PING: &str = "SELECT 1 AS one";

/// How often a replica may end the same read: each time it has waited for it as long as it is
/// told to.
const BULK_ATTEMPTS: u32 = 3;
/// How long the log is left alone after it could not be written back.
const WRITE_BACK_AGAIN: Duration = Duration::from_secs(5);

impl<DB: Dialect> SqlStore<DB> {
    /// Runs a read to its end in a task of its own: a call that is dropped while it waits for
    /// the pool or the database would leave a connection in a state that nobody knows.
    pub(super) async fn detached<T, F>(
        &self,
        read: impl FnOnce(Self) -> F + Send,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        let silence = self.pools.silence().clone();
        let read = read(self.clone());
        let (answer, answered) = oneshot::channel();
        // As one type of task for all reads: each type would be some kilobytes of code.
        let task: BoxFuture<'static, ()> = Box::pin(async move {
            let read = silence.bound(DB::READ_LIMIT, read).await.flatten();
            // Whoever asked may have gone.
            let _ = answer.send(read);
        });
        tokio::spawn(carry(task));
        match answered.await {
            Ok(read) => read.map_err(|fault| self.error(fault)),
            Err(_) => Err(Error::Unavailable),
        }
    }

    /// Runs a read of one tenant's.
    pub(super) async fn read<T, F>(
        &self,
        tenant: TenantId,
        read: impl FnOnce(Tx<DB>) -> F + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        self.read_as(Reader::Tenant(tenant), read).await
    }

    pub(super) async fn read_as<T, F>(
        &self,
        reader: Reader,
        read: impl FnOnce(Tx<DB>) -> F + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        self.detached(async move |me: Self| read(me.pools.read(reader).await?).await)
            .await
    }

    /// Ids of tenants from a statement that takes the one before, a time or a date, and a limit:
    /// what jobs may read across tenants.
    pub(super) async fn tenant_ids<T: Send + 'static>(
        &self,
        sql: &'static str,
        time: T,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error>
    where
        DB: Speaks<T>,
    {
        self.read_as(Reader::Jobs, async move |mut tx| {
            let query = Query::<DB>::new(sql)
                .bind(after.map_or(Uuid::nil(), TenantId::uuid))
                .bind(time)
                .bind(count(limit));
            let rows = query.fetch(&mut tx).await?;
            rows.iter()
                .map(|row| Ok(tenant_id(get::<DB, _>(row, "tenant_id")?)))
                .collect()
        })
        .await
    }

    /// Runs a read that goes over the days or sessions of many users (reports, streams, exports,
    /// insights), on the replica if there is one. What a caller reads of a single thing, and may
    /// have written just before, is not for it.
    ///
    /// A replica ends a read that is in the way of what it replays: that is begun again. One that
    /// is away is [`Error::Unavailable`], and the primary is spared: it is there for the writes.
    pub(super) async fn bulk<T, F>(
        &self,
        tenant: TenantId,
        read: impl Fn(Tx<DB>) -> F + Send + Sync + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        self.detached(async move |me: Self| {
            let reader = Reader::Tenant(tenant);
            for _ in 1..BULK_ATTEMPTS {
                match read(me.pools.read_replica(reader).await?).await {
                    Err(fault) if fault.class::<DB>() == ErrorClass::Contention => {}
                    done => return done,
                }
            }
            read(me.pools.read_replica(reader).await?).await
        })
        .await
    }
}

/// The sessions stored as open of each of the users.
pub async fn open_sessions<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    users: Vec<UserId>,
) -> Result<Vec<Session>, Fault> {
    let ids = users.into_iter().map(|user| user.0);
    sessions::by_ids::<DB>(conn, tenant, sessions::AND_OPEN_OF_USERS, ids).await
}

#[expect(
    clippy::disallowed_methods,
    reason = "rows were written for verified tenants"
)]
pub const fn tenant_id(id: Uuid) -> TenantId {
    TenantId::from_verified(id)
}

/// As a number that is bound.
pub fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[async_trait]
impl<DB: Dialect> Store for SqlStore<DB> {
    async fn get_settings(&self, tenant: TenantId) -> Result<TenantSettings, Error> {
        self.read(tenant, async move |mut tx| {
            tenants::settings_of::<DB>(&mut tx, tenant).await
        })
        .await
    }

    async fn get_session(
        &self,
        tenant: TenantId,
        id: SessionId,
        now: Timestamp,
    ) -> Result<Option<SessionView>, Error> {
        self.read(tenant, async move |mut tx| {
            let Some(session) = sessions::find::<DB>(&mut tx, tenant, id).await? else {
                return Ok(None);
            };
            let settings = tenants::settings_of::<DB>(&mut tx, tenant).await?;
            Ok(Some(session.view(&settings, now)))
        })
        .await
    }

    async fn list_owners(
        &self,
        tenant: TenantId,
        ids: Vec<SessionId>,
    ) -> Result<Vec<(SessionId, UserId)>, Error> {
        self.read(tenant, async move |mut tx| {
            sessions::owners::<DB>(&mut tx, tenant, &ids).await
        })
        .await
    }

    async fn list_sessions(
        &self,
        tenant: TenantId,
        filter: SessionFilter,
        after: Option<SessionKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<SessionView, SessionKey>, Error> {
        self.read(tenant, async move |mut tx| {
            listing::page::<DB>(&mut tx, tenant, &filter, after, limit, now).await
        })
        .await
    }

    async fn sum_sessions(
        &self,
        tenant: TenantId,
        filter: SessionFilter,
        now: Timestamp,
    ) -> Result<SessionTotals, Error> {
        self.read(tenant, async move |mut tx| {
            listing::totals::<DB>(&mut tx, tenant, &filter, now).await
        })
        .await
    }

    async fn list_activities(
        &self,
        tenant: TenantId,
        session: SessionId,
        after: Option<ActivityKey>,
        limit: usize,
    ) -> Result<Option<Page<Activity, ActivityKey>>, Error> {
        self.read(tenant, async move |mut tx| {
            let owners = sessions::owners::<DB>(&mut tx, tenant, &[session]).await?;
            if owners.is_empty() {
                return Ok(None);
            }
            let more = count(limit).saturating_add(1);
            let items = activities::by_session::<DB>(&mut tx, tenant, session, after, more).await?;
            Ok(Some(Page::cut(items, limit, |activity| {
                (activity.started_at, activity.id)
            })))
        })
        .await
    }

    async fn get_user_days(
        &self,
        tenant: TenantId,
        user: UserId,
        range: DateRange,
    ) -> Result<UserDays, Error> {
        self.read(tenant, async move |mut tx| {
            Ok(UserDays {
                settings: tenants::settings_of::<DB>(&mut tx, tenant).await?,
                days: days::by_user::<DB>(&mut tx, tenant, user, range).await?,
                open: open_sessions::<DB>(&mut tx, tenant, vec![user]).await?,
            })
        })
        .await
    }

    async fn list_days(
        &self,
        tenant: TenantId,
        range: DateRange,
        users: Vec<UserId>,
        after: Option<DayKey>,
        limit: usize,
    ) -> Result<Page<DailyUsage, DayKey>, Error> {
        let users: Arc<[UserId]> = users.into();
        self.bulk(tenant, move |mut tx| {
            let users = users.clone();
            async move {
                let more = count(limit).saturating_add(1);
                let items =
                    days::by_date::<DB>(&mut tx, tenant, range, &users, after, more).await?;
                Ok(Page::cut(items, limit, |day| (day.date, day.user_id)))
            }
        })
        .await
    }

    async fn get_report_data(
        &self,
        tenant: TenantId,
        range: DateRange,
        periods: Vec<DateRange>,
    ) -> Result<ReportData, Error> {
        let periods: Arc<[DateRange]> = periods.into();
        self.bulk(tenant, move |mut tx| {
            let periods = periods.clone();
            async move {
                Ok(ReportData {
                    days: tenant_usage::days::<DB>(&mut tx, tenant, range).await?,
                    users: tenant_usage::count_users::<DB>(&mut tx, tenant, &periods).await?,
                })
            }
        })
        .await
    }

    async fn get_user(
        &self,
        tenant: TenantId,
        id: UserId,
        now: Timestamp,
    ) -> Result<Option<UserSummary>, Error> {
        self.read(tenant, async move |mut tx| {
            let Some(user) = users::find::<DB>(&mut tx, tenant, id).await? else {
                return Ok(None);
            };
            let settings = tenants::settings_of::<DB>(&mut tx, tenant).await?;
            let open = open_sessions::<DB>(&mut tx, tenant, vec![id]).await?;
            Ok(Some(user.summary(&open, &settings, now)))
        })
        .await
    }

    async fn list_users(
        &self,
        tenant: TenantId,
        inactive_since: Option<Timestamp>,
        after: Option<UserKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<UserSummary, UserKey>, Error> {
        self.read(tenant, async move |mut tx| {
            let settings = tenants::settings_of::<DB>(&mut tx, tenant).await?;
            let before = inactive_since.unwrap_or(Timestamp::END);
            let more = count(limit).saturating_add(1);
            let users = users::by_last_active::<DB>(&mut tx, tenant, before, after, more).await?;
            let page = Page::cut(users, limit, |user| {
                (user.last_active_at.utc_date(), user.id)
            });
            let ids = page.items.iter().map(|user| user.id).collect();
            let mut open: BTreeMap<UserId, Vec<Session>> = BTreeMap::new();
            for session in open_sessions::<DB>(&mut tx, tenant, ids).await? {
                open.entry(session.user_id).or_default().push(session);
            }
            let items = page.items.into_iter().map(|user| {
                let open = open.get(&user.id).map_or(&[][..], Vec::as_slice);
                user.summary(open, &settings, now)
            });
            Ok(Page {
                items: items.collect(),
                next: page.next,
            })
        })
        .await
    }

    async fn list_tenants(
        &self,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error> {
        self.read_as(Reader::Jobs, async move |mut tx| {
            let query = Query::<DB>::new(tenants::SELECT_TENANTS)
                .bind(after.map_or(Uuid::nil(), TenantId::uuid))
                .bind(count(limit));
            let rows = query.fetch(&mut tx).await?;
            rows.iter()
                .map(|row| Ok(tenant_id(get::<DB, _>(row, "tenant_id")?)))
                .collect()
        })
        .await
    }

    async fn list_tenants_to_sweep(
        &self,
        now: Timestamp,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error> {
        let sql = sessions::SELECT_TENANTS_TO_SWEEP;
        self.tenant_ids(sql, now, after, limit).await
    }

    async fn list_sessions_to_sweep(
        &self,
        tenant: TenantId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(SessionId, UserId)>, Error> {
        self.read(tenant, async move |mut tx| {
            sessions::to_sweep::<DB>(&mut tx, tenant, now, count(limit)).await
        })
        .await
    }

    async fn list_tenants_with_requests_before(
        &self,
        time: Timestamp,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error> {
        let sql = requests::SELECT_TENANTS_WITH_OLD_REQUESTS;
        self.tenant_ids(sql, time, after, limit).await
    }

    async fn list_requests_before(
        &self,
        tenant: TenantId,
        time: Timestamp,
        limit: usize,
    ) -> Result<Vec<RequestId>, Error> {
        self.read(tenant, async move |mut tx| {
            requests::before::<DB>(&mut tx, tenant, time, count(limit)).await
        })
        .await
    }

    async fn service_key(&self, name: &'static str) -> Result<Vec<u8>, Error> {
        self.detached(async move |me: Self| {
            // Two version 4 ids are 244 random bits from the operating system.
            let fresh = [random_id().into_bytes(), random_id().into_bytes()].concat();
            let mut conn = me.pools.own().await?;
            let insert = Query::<DB>::new(INSERT_KEY).bind(name.to_owned());
            insert.bind(fresh).execute(&mut conn).await?;
            let select = Query::<DB>::new(SELECT_KEY).bind(name.to_owned());
            let rows = select.fetch(&mut conn).await?;
            let key = rows.first().map(|row| get::<DB, _>(row, "key"));
            key.transpose()?.ok_or(Fault::Contention)
        })
        .await
    }

    async fn ping(&self) -> Result<(), Error> {
        self.read_as(Reader::Jobs, async move |mut tx| {
            Query::<DB>::new(PING).fetch(&mut tx).await?;
            Ok(())
        })
        .await
    }

    async fn write_back(&self) {
        loop {
            if let Err(error) = DB::write_back(self.pools.writers(), &self.logged).await {
                let reason = Fault::from(error).reason::<DB>();
                warn!(reason, "what is in the log is left to the batches");
            }
            sleep(WRITE_BACK_AGAIN).await;
        }
    }

    async fn learn_tables(&self) -> Result<usize, Error> {
        self.detached(async move |me: Self| {
            // Of the readers', so that no lane waits for a large table.
            let mut conn = me.pools.own_reader().await?;
            Ok(DB::learn_tables(&mut conn).await?)
        })
        .await
    }

    async fn close(&self) {
        self.pools.close().await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a key must be unpredictable, in tests too"
)]
fn random_id() -> Uuid {
    Uuid::new_v4()
}
