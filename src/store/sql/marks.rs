//! `write_marks`: what a transaction leaves behind, so that it is known whether it was committed.

#[cfg(test)]
mod tests;

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use uuid::Uuid;

use super::{
    dialect::{Dialect, Query, get},
    rows::{Rows, RowsOf},
};
use crate::{
    domain::{ids::TenantId, time::Timestamp},
    store::writer::{Commit, Settled},
};

/// Nobody asks for a mark after some seconds.
const KEPT: Duration = Duration::from_hours(24);

/// The number of a writer's transaction in the place of that of its last one.
pub const UPSERT_MARKS: &str = "
    INSERT INTO write_marks (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT (tenant_id, writer) DO UPDATE SET
        batch = excluded.batch, written_at = excluded.written_at";

/// Waits for a transaction that is still to leave its mark, also where it is the writer's first.
pub const LOCK_MARK: &str = "
    INSERT INTO write_marks (tenant_id, writer, batch, written_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (tenant_id, writer) DO UPDATE SET batch = write_marks.batch
    RETURNING batch";

pub const DELETE_OLD_MARKS: &str = "
    DELETE FROM write_marks WHERE tenant_id = $1 AND written_at < $2";

/// Before a writer's first transaction.
const NONE: i64 = 0;

/// The marks of this process.
pub struct Marks {
    writer: Mutex<Uuid>,
    last: AtomicI64,
}

impl Marks {
    pub const fn new(writer: Uuid) -> Self {
        Self {
            writer: Mutex::new(writer),
            last: AtomicI64::new(NONE),
        }
    }

    /// That of the next transaction, which has none of the others' numbers.
    pub fn next(&self, tenant: TenantId) -> Commit {
        let writer = *self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        Commit {
            tenant,
            writer,
            batch,
        }
    }

    /// From now on there is another row: that of a commit in doubt may be locked for long, and
    /// what comes after it is not to wait, nor to write over it.
    pub fn renew(&self, writer: Uuid) {
        *self.writer.lock().unwrap_or_else(PoisonError::into_inner) = writer;
    }
}

/// The columns that [`UPSERT_MARKS`] reads.
pub fn columns<'a>(commit: Option<&Commit>, now: Timestamp) -> Rows<'a> {
    RowsOf::new(commit)
        .uuid("writer", |commit| commit.writer)
        .int("batch", |commit| commit.batch)
        .time("written_at", |_| now)
        .done()
}

/// What became of a transaction that is over; `None` if that is not to be known. Fails while
/// it is not over.
pub async fn find<DB: Dialect>(
    conn: &mut DB::Connection,
    commit: &Commit,
    now: Timestamp,
) -> sqlx::Result<Option<Settled>> {
    let query = Query::<DB>::new(LOCK_MARK)
        .bind(commit.tenant.uuid())
        .bind(commit.writer)
        .bind(NONE)
        .bind(now);
    let rows = query.fetch(conn).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let batch: i64 = get::<DB, _>(row, "batch")?;
    Ok(if batch == commit.batch {
        Some(Settled::Committed)
    } else {
        (batch < commit.batch).then_some(Settled::RolledBack)
    })
}

/// Deletes those of a tenant's that nobody will ask for.
pub async fn delete_old<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    now: Timestamp,
) -> sqlx::Result<()> {
    let query = Query::<DB>::new(DELETE_OLD_MARKS).bind(tenant.uuid());
    query.bind(now.before(KEPT)).execute(conn).await?;
    Ok(())
}
