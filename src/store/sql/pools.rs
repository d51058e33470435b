//! Connections, and for whom each transaction acts. There is no other way to one, so that nothing
//! of a tenant's is read or written without saying whose.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{AssertSqlSafe, Pool, Transaction, pool::PoolConnection};
use tokio::time::timeout;

use super::{
    dialect::{Dialect, ErrorClass, Reader},
    fault::Fault,
};
use crate::{domain::ids::TenantId, store::totals::PoolUse, telemetry::traces::Span};

/// Ends when it is dropped. Whoever only reads need not wait for that.
pub type Tx<DB> = Transaction<'static, DB>;

/// What a trace has of waiting for a connection and beginning on it.
const BEGIN: &str = "BEGIN";

/// Connections for the writer's lanes, for everyone who reads, and for whoever reads much and
/// can do with what has reached a replica.
pub struct Pools<DB: Dialect> {
    write: Pool<DB>,
    read: Pool<DB>,
    replica: Option<Pool<DB>>,
    silence: Silence,
}

/// Whether a server ever kept silent, as it does when it, or the network to it, is gone without a
/// word. Whoever waits for it would wait for ever.
#[derive(Clone, Debug, Default)]
pub struct Silence(Arc<AtomicBool>);

impl Silence {
    /// Waits for what is done on connections, for as long as `limit` says.
    ///
    /// # Errors
    /// [`Fault::Silent`] once that is over. What was done is dropped, and its connection with it
    /// if the pool tries connections that are given back since silence [`was met`](Self::was_met).
    pub async fn bound<T>(
        &self,
        limit: Option<Duration>,
        work: impl Future<Output = T>,
    ) -> Result<T, Fault> {
        let Some(limit) = limit else {
            return Ok(work.await);
        };
        // It is dropped, and gives its connection back, after that is to be tried.
        let work = pin!(work);
        timeout(limit, work).await.map_err(|_| {
            self.0.store(true, Ordering::SeqCst);
            Fault::Silent
        })
    }

    pub fn was_met(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl<DB: Dialect> Pools<DB> {
    pub const fn new(
        write: Pool<DB>,
        read: Pool<DB>,
        replica: Option<Pool<DB>>,
        silence: Silence,
    ) -> Self {
        Self {
            write,
            read,
            replica,
            silence,
        }
    }

    pub const fn silence(&self) -> &Silence {
        &self.silence
    }

    /// Begins a transaction whose reads all see one snapshot, as the reader may see it.
    pub async fn read(&self, reader: Reader) -> Result<Tx<DB>, Fault> {
        begin_read(&self.read, reader).await
    }

    /// The same on the replica, if there is one.
    pub async fn read_replica(&self, reader: Reader) -> Result<Tx<DB>, Fault> {
        let pool = self.replica.as_ref().unwrap_or(&self.read);
        begin_read(pool, reader).await
    }

    /// Begins a transaction as [`Dialect::begin_write`] has it.
    pub async fn write(&self, tenants: &BTreeMap<TenantId, bool>) -> sqlx::Result<Tx<DB>> {
        let begin = AssertSqlSafe(DB::begin_write(tenants));
        let span = Span::statement(DB::NAME, BEGIN);
        span.around(self.write.begin_with(begin)).await
    }

    /// What the pools are doing right now.
    pub fn uses(&self) -> Vec<PoolUse> {
        let pools = [("write", Some(&self.write)), ("read", Some(&self.read))];
        let pools = pools
            .into_iter()
            .chain([("replica", self.replica.as_ref())]);
        let uses = pools.filter_map(|(name, pool)| {
            let pool = pool?;
            let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            Some(PoolUse {
                name,
                idle,
                used: pool.size().saturating_sub(idle),
                limit: pool.options().get_max_connections(),
            })
        });
        uses.collect()
    }

    /// Begins a transaction as [`Dialect::begin_settle`] has it.
    pub async fn settle(&self, tenant: TenantId) -> sqlx::Result<Tx<DB>> {
        self.write
            .begin_with(AssertSqlSafe(DB::begin_settle(tenant)))
            .await
    }

    /// For what is the service's own and no tenant's.
    pub async fn own(&self) -> sqlx::Result<PoolConnection<DB>> {
        self.write.acquire().await
    }

    /// The same among the readers.
    pub async fn own_reader(&self) -> sqlx::Result<PoolConnection<DB>> {
        self.read.acquire().await
    }

    /// The readers' connections, for who keeps one.
    pub const fn readers(&self) -> &Pool<DB> {
        &self.read
    }

    /// The writers' connections, for who makes another one like them.
    pub const fn writers(&self) -> &Pool<DB> {
        &self.write
    }

    pub async fn close(&self) {
        self.read.close().await;
        if let Some(replica) = &self.replica {
            replica.close().await;
        }
        // Last, as the last connection to a SQLite file is what writes the log back.
        self.write.close().await;
    }
}

/// Whoever only reads goes from a connection that turns out to be lost to the next one: nothing was
/// done on it yet. One that was used a moment ago is not tried before it is given to him.
async fn begin_read<DB: Dialect>(pool: &Pool<DB>, reader: Reader) -> Result<Tx<DB>, Fault> {
    let sql = DB::begin_read(reader);
    let begin = || {
        let begin = pool.begin_with(AssertSqlSafe(sql.clone()));
        Span::statement(DB::NAME, BEGIN).around(begin)
    };
    for _ in 0..pool.size() {
        let done = begin().await.map_err(Fault::from);
        match &done {
            // To wait for one once is enough.
            Err(Fault::Sql(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)) => return done,
            Err(fault) if fault.class::<DB>() == ErrorClass::Unavailable => {}
            _ => return done,
        }
    }
    Ok(begin().await?)
}
