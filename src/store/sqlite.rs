//! What is SQLite's own: the pools and pragmas, and rows as JSON.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap, fmt::Write as _, fs::File, path::PathBuf, str::FromStr, time::Duration,
};

use futures::TryStreamExt;
use sqlx::{
    Arguments, AssertSqlSafe, ConnectOptions, Connection, Decode, Either, Encode, Executor, Row,
    Sqlite, Type,
    encode::IsNull,
    error::{BoxDynError, DatabaseError},
    migrate::Migrator,
    sqlite::{
        SqliteArguments, SqliteArgumentsBuffer, SqliteConnectOptions, SqliteConnection,
        SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
        SqliteTypeInfo, SqliteValueRef,
    },
};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{
    OpenError,
    events::Wakes,
    sql::{
        dialect::{Dialect, ErrorClass, Reader, Version, Write, Written},
        insist_on_schema,
        pools::{Pools, Silence},
        rows::{Cells, Kind, Rows},
    },
};
use crate::domain::{ids::TenantId, time::Timestamp};

/// The schema, step by step.
pub static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// SQLite has one writer at a time, so more lanes would only wait for each other.
pub const LANES: usize = 1;
const READERS: u32 = 4;
/// Writes whose pages are written back at a time while others go on: some hundreds of pages, in some
/// 10 ms. Each time syncs the file, so fewer are dear; of more at a time a batch that commits
/// meanwhile waits longer for the disk (benches/README.md).
const WRITTEN_BACK: u32 = 128;
/// Pages that the log has when a batch writes back what is left, after which it begins anew: 32
/// MiB, which are read again in less than a second. Without the above it would be all of it, which
/// took 20 ms, several times a second.
const CHECKPOINT_PAGES: &str = "8000";
/// Pages that the writer keeps in memory once it has read them: 64 MiB.
const CACHE_PAGES: &str = "16000";
/// How long to wait for another process that writes to the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes the file if it is missing and opens the pools, with the schema up to date.
pub async fn open(url: &str, migrate: bool) -> Result<Pools<Sqlite>, OpenError> {
    let options = options(url)?.journal_mode(SqliteJournalMode::Wal);
    // sqlx takes no lock for migrations here, and two processes may start at once.
    let lock = migration_lock(&options)?;
    let writer = options
        .clone()
        .create_if_missing(true)
        .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
        // What a statement of many rows changes is kept for undoing it: not in a file.
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", CACHE_PAGES);
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(BUSY_TIMEOUT)
        // SQLite ends a transaction by itself where a write fails, of a full disk say. sqlx does
        // not notice, and the connection could begin no other one.
        .before_acquire(|conn, _| Box::pin(async { Ok(!conn.is_in_transaction()) }))
        .connect_with(writer)
        .await?;
    if migrate {
        MIGRATIONS.run(&write).await?;
    } else {
        let mut conn = write.acquire().await?;
        insist_on_schema::<Sqlite>(&mut conn, &MIGRATIONS).await?;
    }
    drop(lock);
    let read = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(BUSY_TIMEOUT)
        .connect_lazy_with(options.read_only(true));
    Ok(Pools::new(write, read, None, Silence::default()))
}

/// How to connect to what is there.
pub fn options(url: &str) -> sqlx::Result<SqliteConnectOptions> {
    Ok(SqliteConnectOptions::from_str(url)?
        .busy_timeout(BUSY_TIMEOUT)
        // An answered write survives the loss of power, not only of the process.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // sqlx would log slow statements with their SQL.
        .disable_statement_logging())
}

/// Waits for, and holds, the lock on a file beside the database.
fn migration_lock(options: &SqliteConnectOptions) -> sqlx::Result<File> {
    let mut path = options.get_filename().as_os_str().to_owned();
    path.push(".lock");
    let file = File::create(PathBuf::from(path))?;
    file.lock()?;
    Ok(file)
}

impl Dialect for Sqlite {
    const FOR_UPDATE: &'static str = "";
    const SKIP_LOCKED: &'static str = "";
    const DAY_BIT: &'static str =
        "1 << CAST(julianday(d.local_date) - julianday(r.start_date) AS INTEGER)";
    // One writes at a time, and the file counts the rows. So the order of rows is that of their
    // commits, and what is seen is all there will be before it.
    const EVENT_POSITION: &'static str = "NULL";
    const EVENT_HORIZON: &'static str = "9223372036854775807";
    const EVENT_EPOCH: &'static str = "0";
    const BATCH_LIMIT: Option<Duration> = None;
    const READ_LIMIT: Option<Duration> = None;
    const LOSES_ANSWERS: bool = false;
    const GREATEST: &'static str = "max";
    const LEAST: &'static str = "min";
    const ADDED_COUNTS: &'static str = "
        CASE WHEN excluded.{column} = json_object()
            THEN user_usage_stats.{column}
        WHEN user_usage_stats.{column} = json_object() THEN excluded.{column} ELSE (
            SELECT json_group_object(key, uses) FROM (
                SELECT f.key, SUM(f.value) AS uses FROM (
                    SELECT key, value FROM json_each(user_usage_stats.{column})
                    UNION ALL SELECT key, value FROM json_each(excluded.{column})
                ) AS f GROUP BY f.key)) END";

    fn begin_read(_: Reader) -> String {
        "BEGIN".to_owned()
    }

    // A deferred transaction that turns into a writing one fails at once, whatever the
    // timeout. Whoever writes is alone.
    fn begin_write(_: &BTreeMap<TenantId, bool>) -> String {
        "BEGIN IMMEDIATE".to_owned()
    }

    fn begin_settle(_: TenantId) -> String {
        "BEGIN IMMEDIATE".to_owned()
    }

    // The tenant in each statement is the only wall.
    async fn act_for(_: &mut SqliteConnection, _: TenantId) -> sqlx::Result<()> {
        Ok(())
    }

    // As `jsonb` a row is not written out as text and read once more for each of its columns.
    fn rows_sql(rows: &Rows<'_>, first: usize) -> String {
        let columns: Vec<_> = rows
            .columns()
            .enumerate()
            .map(|(index, (name, kind))| match kind {
                Kind::Uuid | Kind::Bytes => format!("unhex(value->>{index}) AS {name}"),
                _ => format!("value->>{index} AS {name}"),
            })
            .collect();
        format!("(SELECT {} FROM jsonb_each(${first}))", columns.join(", "))
    }

    fn ids_sql(first: usize) -> String {
        format!("IN (SELECT unhex(value) FROM json_each(${first}))")
    }

    fn bind_rows(args: &mut SqliteArguments, rows: &Rows<'_>) -> Result<(), BoxDynError> {
        args.add(json_rows(rows)?)
    }

    fn bind_ids(args: &mut SqliteArguments, ids: Vec<Uuid>) -> Result<(), BoxDynError> {
        let mut json = String::from("[");
        for (index, id) in ids.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(json, "{comma}\"{}\"", id.simple())?;
        }
        json.push(']');
        args.add(json)
    }

    // All statements at once: each hop to the connection's own thread and back costs as much as
    // writing some rows.
    async fn write_all(
        conn: &mut SqliteConnection,
        tenant: TenantId,
        known: Option<Version>,
        writes: &[Write<'_>],
    ) -> sqlx::Result<Written> {
        let mut args = SqliteArguments::default();
        args.add(tenant.uuid()).map_err(sqlx::Error::Encode)?;
        let version = known.map(|version| (version.number, version.updated_at));
        let (number, updated_at) = version.unzip();
        args.add(number).map_err(sqlx::Error::Encode)?;
        args.add(updated_at).map_err(sqlx::Error::Encode)?;
        let mut sql = SELECT_IS_CURRENT.to_owned();
        let mut counted = vec![false];
        for write in writes {
            for (write, counts) in [(Some(write), true), (write.if_new.as_deref(), false)] {
                let Some(write) = write else { continue };
                sql.push(';');
                sql.push_str(&write.sql::<Self>(args.len() + 1, "true"));
                Self::bind_rows(&mut args, &write.rows).map_err(sqlx::Error::Encode)?;
                counted.push(counts);
            }
        }
        let mut written = Written {
            rows: 0,
            current: true,
        };
        let mut counted = counted.into_iter();
        let mut results = conn.fetch_many(sqlx::query_with(AssertSqlSafe(sql), args));
        while let Some(result) = results.try_next().await? {
            match result {
                Either::Left(done) if counted.next() == Some(true) => {
                    written.rows += done.rows_affected();
                }
                Either::Left(_) => {}
                Either::Right(row) => written.current = row.try_get(0)?,
            }
        }
        Ok(written)
    }

    fn text<'r>(row: &'r SqliteRow, column: &str) -> sqlx::Result<Option<&'r str>> {
        row.try_get(column)
    }

    async fn fetch_each(
        conn: &mut SqliteConnection,
        sql: String,
        args: SqliteArguments,
        mut each: impl FnMut(SqliteRow) + Send,
    ) -> sqlx::Result<()> {
        let mut rows = sqlx::query_with(AssertSqlSafe(sql), args).fetch(conn);
        while let Some(row) = rows.try_next().await? {
            each(row);
        }
        Ok(())
    }

    async fn execute(
        conn: &mut SqliteConnection,
        sql: String,
        args: SqliteArguments,
    ) -> sqlx::Result<u64> {
        let done = sqlx::query_with(AssertSqlSafe(sql), args)
            .execute(conn)
            .await?;
        Ok(done.rows_affected())
    }

    // Whoever else opens the file looks now and then: there is nobody to tell.
    async fn relay(_: &SqlitePool, wakes: &Wakes) -> sqlx::Result<()> {
        loop {
            wakes.to_tell().await;
        }
    }

    // By a connection of its own, in the mode that neither waits for a batch nor has one wait.
    async fn write_back(pool: &SqlitePool, logged: &Semaphore) -> sqlx::Result<()> {
        let mut conn = SqliteConnection::connect_with(&pool.connect_options()).await?;
        // It is never closed.
        while let Ok(enough) = logged.acquire_many(WRITTEN_BACK).await {
            enough.forget();
            logged.forget_permits(usize::MAX);
            conn.execute("PRAGMA wal_checkpoint(PASSIVE)").await?;
        }
        Ok(())
    }

    // Its migrations say what large tables are like.
    async fn learn_tables(_: &mut SqliteConnection) -> sqlx::Result<usize> {
        Ok(0)
    }

    fn classify(error: &dyn DatabaseError) -> ErrorClass {
        let code = error.code();
        let code = code.and_then(|code| code.parse::<i32>().ok()).unwrap_or(0);
        // The low byte is the primary result code.
        match code & 0xff {
            // BUSY, LOCKED.
            5 | 6 => ErrorClass::Contention,
            // READONLY, INTERRUPT, IOERR, FULL, CANTOPEN.
            8 | 9 | 10 | 13 | 14 => ErrorClass::Unavailable,
            _ => ErrorClass::Refused,
        }
    }
}

/// Whether the tenant is as it is known, if it is.
const SELECT_IS_CURRENT: &str = "
    SELECT $2 IS NULL OR EXISTS (
        SELECT 1 FROM tenants WHERE tenant_id = $1 AND version = $2 AND updated_at = $3)";

/// `[[cell, ...], ...]`, a row after the other.
fn json_rows(rows: &Rows<'_>) -> Result<String, BoxDynError> {
    let mut json = String::from("[");
    for row in 0..rows.len() {
        json.push_str(if row == 0 { "[" } else { ",[" });
        for (index, cells) in rows.cells().enumerate() {
            if index > 0 {
                json.push(',');
            }
            write_cell(&mut json, cells, row)?;
        }
        json.push(']');
    }
    json.push(']');
    Ok(json)
}

#[expect(
    clippy::indexing_slicing,
    reason = "every column has as many cells as there are rows"
)]
fn write_cell(json: &mut String, cells: &Cells<'_>, row: usize) -> Result<(), BoxDynError> {
    match cells {
        Cells::Uuid(cells) => write!(json, "\"{}\"", cells[row].simple())?,
        Cells::Small(cells) => write_or_null(json, cells[row])?,
        Cells::Int(cells) => write_or_null(json, cells[row])?,
        Cells::Float(cells) => write_or_null(json, cells[row])?,
        Cells::Bool(cells) => write!(json, "{}", u8::from(cells[row]))?,
        Cells::Text(cells) | Cells::Json(cells) => {
            json.push_str(&serde_json::to_string(&cells[row])?);
        }
        Cells::Time(cells) => write_or_null(json, cells[row].map(Timestamp::micros))?,
        Cells::Date(cells) => match cells[row] {
            Some(date) => write!(json, "\"{date}\"")?,
            None => json.push_str("null"),
        },
        Cells::Bytes(cells) => match cells[row] {
            Some(bytes) => {
                json.push('"');
                bytes
                    .iter()
                    .try_for_each(|byte| write!(json, "{byte:02x}"))?;
                json.push('"');
            }
            None => json.push_str("null"),
        },
    }
    Ok(())
}

fn write_or_null(
    json: &mut String,
    cell: Option<impl std::fmt::Display>,
) -> Result<(), std::fmt::Error> {
    match cell {
        Some(cell) => write!(json, "{cell}"),
        None => json.write_str("null"),
    }
}

impl Type<Sqlite> for Timestamp {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }

    fn compatible(info: &SqliteTypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(info)
    }
}

impl Encode<'_, Sqlite> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.micros(), buffer)
    }
}

impl Decode<'_, Sqlite> for Timestamp {
    fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
        <i64 as Decode<Sqlite>>::decode(value).map(Self::from_micros)
    }
}
