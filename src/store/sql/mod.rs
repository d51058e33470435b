//! The one SQL implementation, for every engine that speaks [`dialect::Dialect`].

mod activities;
mod apply;
mod codes;
mod cohorts;
mod counts;
mod days;
pub mod dialect;
mod events;
mod fault;
mod forgotten;
mod goal_counts;
mod goal_progress;
mod goal_reads;
mod goals;
mod insights;
pub mod listing;
mod marks;
mod outcomes;
mod performance;
mod points;
pub mod pools;
mod practice;
pub mod privacy;
mod read;
mod reports;
mod requests;
pub mod rows;
mod sessions;
mod tenant_usage;
mod tenants;
#[cfg(test)]
mod tests;
mod totals;
mod user_rows;
pub mod user_tables;
mod users;

use std::sync::Arc;

use quick_cache::sync::Cache;
use sqlx::migrate::Migrator;
use tokio::sync::Semaphore;

use self::{
    cohorts::Cohorts,
    dialect::{Dialect, Query, get},
    marks::Marks,
    pools::Pools,
    tenants::Tenant,
};
use super::{
    OpenError,
    events::{Events, Wakes},
    points::Outbox,
};
use crate::domain::{
    ids::{IdSource, TenantId},
    time::Clock,
};

/// The latest migration that sqlx has applied.
const SELECT_SCHEMA_VERSION: &str =
    "SELECT MAX(version) AS version FROM _sqlx_migrations WHERE success";

/// Tenants whose settings are remembered.
const TENANTS: usize = 10_000;

/// The store on one database. A clone is another handle to it.
pub struct SqlStore<DB: Dialect> {
    pools: Arc<Pools<DB>>,
    outbox: Outbox,
    events: Events,
    wakes: Arc<Wakes>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    /// Tenants as the writer last saw them.
    tenants: Arc<Cache<TenantId, Arc<Tenant>>>,
    cohorts: Arc<Cohorts>,
    marks: Arc<Marks>,
    /// A permit for each write since writes were last written back.
    logged: Arc<Semaphore>,
}

/// The latest migration that was applied, and the latest that there is.
pub async fn schema_version<DB: Dialect>(
    conn: &mut DB::Connection,
    migrations: &Migrator,
) -> sqlx::Result<(Option<i64>, Option<i64>)> {
    let newest = migrations.iter().map(|migration| migration.version).max();
    let rows = match Query::<DB>::new(SELECT_SCHEMA_VERSION).fetch(conn).await {
        Ok(rows) => rows,
        // Without the table nothing was ever applied.
        Err(sqlx::Error::Database(_)) => return Ok((None, newest)),
        Err(error) => return Err(error),
    };
    let applied = rows
        .first()
        .map(|row| get::<DB, Option<i64>>(row, "version"));
    Ok((applied.transpose()?.flatten(), newest))
}

/// Fails unless every migration has been applied.
pub async fn insist_on_schema<DB: Dialect>(
    conn: &mut DB::Connection,
    migrations: &Migrator,
) -> Result<(), OpenError> {
    let (applied, newest) = schema_version::<DB>(conn, migrations).await?;
    if applied < newest {
        return Err(OpenError::Outdated);
    }
    Ok(())
}

impl<DB: Dialect> SqlStore<DB> {
    pub fn new(
        pools: Pools<DB>,
        outbox: Outbox,
        events: Events,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        let marks = Marks::new(ids.next(clock.now()));
        Self {
            marks: Arc::new(marks),
            pools: Arc::new(pools),
            outbox,
            events,
            wakes: Arc::default(),
            clock,
            ids,
            tenants: Arc::new(Cache::new(TENANTS)),
            cohorts: Arc::default(),
            logged: Arc::new(Semaphore::new(0)),
        }
    }
}

impl<DB: Dialect> Clone for SqlStore<DB> {
    fn clone(&self) -> Self {
        Self {
            pools: self.pools.clone(),
            outbox: self.outbox,
            events: self.events,
            wakes: self.wakes.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            tenants: self.tenants.clone(),
            cohorts: self.cohorts.clone(),
            marks: self.marks.clone(),
            logged: self.logged.clone(),
        }
    }
}
