//! One transaction for a batch: lock, load, decide, write.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sqlx::AssertSqlSafe;

use super::{
    SqlStore, activities, days,
    dialect::{CommitOutcome, Dialect, ErrorClass, Query, get},
    fault::Fault,
    performance, requests, sessions, tenants, users,
};
use crate::{
    domain::{
        ids::{SessionId, TenantId, UserId},
        ledger::Ledger,
        settings::TenantSettings,
    },
    store::{
        Error,
        writer::{Apply, Commit, Failure, Job, Settled},
    },
};

#[async_trait]
impl<DB: Dialect> Apply for SqlStore<DB> {
    async fn apply(&self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let mut tenants = BTreeMap::new();
        for job in jobs.iter() {
            *tenants.entry(job.tenant()).or_insert(false) |= job.changes_tenant();
        }
        let mut tx = self
            .pools
            .write
            .begin_with(AssertSqlSafe(DB::begin_write(&tenants)))
            .await
            .map_err(|error| self.failure(error.into()))?;
        let commit = self
            .write(&mut tx, jobs)
            .await
            .map_err(|fault| self.failure(fault))?;
        let Err(error) = tx.commit().await else {
            return Ok(());
        };
        // A server that is told to stop may do so after the commit and before its answer.
        let fault = Fault::from(error);
        match commit {
            Some(commit) if fault.class::<DB>() == ErrorClass::Unavailable => {
                Err(Failure::InDoubt(commit))
            }
            _ => Err(self.failure(fault)),
        }
    }

    async fn settle(&self, commit: &Commit) -> Result<Settled, Failure> {
        let mut conn = self
            .pools
            .write
            .acquire()
            .await
            .map_err(|error| self.failure(error.into()))?;
        match DB::outcome(&mut conn, &commit.0).await {
            Ok(CommitOutcome::Committed) => Ok(Settled::Committed),
            Ok(CommitOutcome::RolledBack) => Ok(Settled::RolledBack),
            Ok(CommitOutcome::InProgress) => {
                Err(Failure::Unavailable("a commit is in progress".to_owned()))
            }
            Err(error) => Err(self.failure(error.into())),
        }
    }
}

impl<DB: Dialect> SqlStore<DB> {
    fn failure(&self, fault: Fault) -> Failure {
        match fault.class::<DB>() {
            ErrorClass::Contention => Failure::Contention,
            ErrorClass::Unavailable => Failure::Unavailable(fault.reason::<DB>()),
            ErrorClass::Refused => Failure::Refused(self.error(fault)),
        }
    }

    /// Carries out the jobs of each tenant in turn: rows are locked, and row security applies,
    /// one tenant at a time.
    async fn write(
        &self,
        conn: &mut DB::Connection,
        jobs: &mut [Box<dyn Job>],
    ) -> Result<Option<Commit>, Fault> {
        let commit = transaction_id::<DB>(conn).await?;
        let now = self.clock.now();
        for group in jobs.chunk_by_mut(|a, b| a.tenant() == b.tenant()) {
            let Some(tenant) = group.first().map(|job| job.tenant()) else {
                continue;
            };
            let lock = group.iter().any(|job| job.changes_tenant());
            let settings = tenant_settings::<DB>(conn, tenant, lock, now).await?;
            let mut ledger = Ledger::new(settings, now);
            while !decide(group, &mut ledger) {
                load::<DB>(conn, tenant, &mut ledger).await?;
            }
            flush::<DB>(conn, tenant, &ledger).await?;
        }
        Ok(commit)
    }
}

/// By what the engine will know the transaction if its commit is not answered.
async fn transaction_id<DB: Dialect>(conn: &mut DB::Connection) -> Result<Option<Commit>, Fault> {
    let Some(sql) = DB::SELECT_TRANSACTION_ID else {
        return Ok(None);
    };
    let rows = Query::<DB>::new(sql).fetch(conn).await?;
    let id = rows.first().map(|row| get::<DB, String>(row, "id"));
    Ok(id.transpose()?.map(Commit))
}

/// Has all jobs decide from the start. False if any of them asks for more.
fn decide(jobs: &mut [Box<dyn Job>], ledger: &mut Ledger) -> bool {
    ledger.reset();
    let mut decided = true;
    for job in jobs {
        decided &= job.decide(ledger);
    }
    decided
}

async fn tenant_settings<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    lock: bool,
    now: crate::domain::time::Timestamp,
) -> Result<TenantSettings, Fault> {
    let sql = if lock {
        tenants::SELECT_TENANT_FOR_UPDATE
    } else {
        tenants::SELECT_TENANT
    };
    if let Some(settings) = tenants::find::<DB>(conn, tenant, sql).await? {
        return Ok(settings);
    }
    let defaults = TenantSettings::default();
    tenants::write::<DB>(conn, tenant, tenants::INSERT_TENANT, &defaults, now).await?;
    // Somebody else may have been first.
    let found = tenants::find::<DB>(conn, tenant, sql).await?;
    found.ok_or(Fault::Contention)
}

/// Loads what the ledger misses. Users first: their locks stand for all that is theirs, so
/// what is read after them holds until the commit.
async fn load<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let keys = ledger.users.take_missing();
    if !keys.is_empty() {
        let rows = users::lock::<DB>(conn, tenant, keys.iter().copied()).await?;
        ledger
            .users
            .load(keys, rows.into_iter().map(|row| (row.id, row)));
    }
    load_sessions::<DB>(conn, tenant, ledger).await?;
    let keys = ledger.days.take_missing();
    if !keys.is_empty() {
        let wanted: Vec<_> = keys.iter().copied().collect();
        let rows = days::by_key::<DB>(conn, tenant, &wanted).await?;
        let rows = rows.into_iter().map(|row| ((row.user_id, row.date), row));
        ledger.days.load(keys, rows);
    }
    let keys = ledger.activities.take_missing();
    if !keys.is_empty() {
        let rows = activities::by_ids::<DB>(conn, tenant, keys.iter().copied()).await?;
        ledger
            .activities
            .load(keys, rows.into_iter().map(|row| (row.id, row)));
    }
    let keys = ledger.requests.take_missing();
    if !keys.is_empty() {
        let rows = requests::by_ids::<DB>(conn, tenant, keys.iter().copied()).await?;
        ledger
            .requests
            .load(keys, rows.into_iter().map(|row| (row.id, row)));
    }
    Ok(())
}

async fn load_sessions<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ledger: &mut Ledger,
) -> Result<(), Fault> {
    let keys = ledger.open_sessions.take_missing();
    if !keys.is_empty() {
        let ids = keys.iter().map(|user| user.0);
        let rows = sessions::by_ids::<DB>(conn, tenant, sessions::AND_OPEN_OF_USERS, ids).await?;
        let mut open = BTreeMap::<UserId, BTreeSet<_>>::new();
        for row in &rows {
            open.entry(row.user_id).or_default().insert(row.id);
        }
        ledger.open_sessions.load(keys, open);
        let rows = rows.into_iter().map(|row| (row.id, row));
        ledger.sessions.load(Vec::<SessionId>::new(), rows);
    }
    let keys = ledger.sessions.take_missing();
    if !keys.is_empty() {
        let ids = keys.iter().map(|id| id.0);
        let rows = sessions::by_ids::<DB>(conn, tenant, sessions::AND_IDS, ids).await?;
        ledger
            .sessions
            .load(keys, rows.into_iter().map(|row| (row.id, row)));
    }
    Ok(())
}

/// Writes what the ledger changed, in key order, what others refer to first. A row that is
/// not written as expected was written by another transaction since.
async fn flush<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ledger: &Ledger,
) -> Result<(), Fault> {
    write_settings::<DB>(conn, tenant, ledger).await?;
    let new: Vec<_> = ledger.users.inserted().collect();
    write::<DB>(conn, tenant, users::INSERT_USERS, users::columns(&new)).await?;
    let changed: Vec<_> = ledger.users.updated().collect();
    write::<DB>(conn, tenant, users::UPDATE_USERS, users::columns(&changed)).await?;
    let new: Vec<_> = ledger.sessions.inserted().collect();
    write::<DB>(
        conn,
        tenant,
        sessions::INSERT_SESSIONS,
        sessions::columns(&new),
    )
    .await?;
    let changed: Vec<_> = ledger.sessions.updated().collect();
    let columns = sessions::changing_columns(&changed);
    write::<DB>(conn, tenant, sessions::UPDATE_SESSIONS, columns).await?;
    sweep_by_new_settings::<DB>(conn, tenant, ledger).await?;
    let changed: Vec<_> = ledger.days.changed().collect();
    write::<DB>(conn, tenant, days::UPSERT_DAYS, days::columns(&changed)).await?;
    let added: Vec<_> = ledger.performance.days().collect();
    let columns = performance::day_columns(&added);
    write::<DB>(conn, tenant, performance::ADD_DAYS, columns).await?;
    let added: Vec<_> = ledger.performance.months().collect();
    let columns = performance::month_columns(&added);
    write::<DB>(conn, tenant, performance::ADD_MONTHS, columns).await?;
    let new: Vec<_> = ledger.activities.inserted().collect();
    let columns = activities::columns(&new);
    write::<DB>(conn, tenant, activities::INSERT_ACTIVITIES, columns).await?;
    let new: Vec<_> = ledger.requests.inserted().collect();
    write::<DB>(
        conn,
        tenant,
        requests::INSERT_REQUESTS,
        requests::columns(&new),
    )
    .await?;
    if !ledger.forgotten_requests.is_empty() {
        let ids = ledger.forgotten_requests.iter().map(|id| id.0);
        let query = Query::<DB>::new(requests::DELETE_REQUESTS).bind(tenant.uuid());
        query.ids(ids).execute(conn).await?;
    }
    Ok(())
}

async fn write<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    sql: &str,
    rows: super::rows::Rows<'_>,
) -> Result<(), Fault> {
    let expected = rows.len();
    if expected == 0 {
        return Ok(());
    }
    let query = Query::<DB>::new(sql).bind(tenant.uuid()).rows(&rows);
    let written = query.execute(conn).await?;
    if usize::try_from(written) == Ok(expected) {
        Ok(())
    } else {
        Err(Fault::Contention)
    }
}

async fn write_settings<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ledger: &Ledger,
) -> Result<(), Fault> {
    if let Some((_, new)) = ledger.changed_settings() {
        tenants::write::<DB>(conn, tenant, tenants::UPDATE_TENANT, new, ledger.now).await?;
    }
    Ok(())
}

/// After the batch's own sessions are written: those decided on before the settings changed
/// are due by the old ones.
async fn sweep_by_new_settings<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ledger: &Ledger,
) -> Result<(), Fault> {
    if let Some((old, new)) = ledger.changed_settings()
        && (old.idle_timeout, old.max_lifetime) != (new.idle_timeout, new.max_lifetime)
    {
        let query = Query::<DB>::new(sessions::SWEEP_ALL_NOW).bind(tenant.uuid());
        query.bind(ledger.now).execute(conn).await?;
    }
    Ok(())
}

impl<DB: Dialect> SqlStore<DB> {
    /// For the caller, and the log.
    pub(super) fn error(&self, fault: Fault) -> Error {
        fault.into_error::<DB>(self.ids.next(self.clock.now()))
    }
}
