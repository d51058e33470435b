//! What is PostgreSQL's own: the pools, and rows as arrays.

use std::{str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::{
    Arguments, AssertSqlSafe, Decode, Encode, Postgres, Row, Type,
    encode::IsNull,
    error::{BoxDynError, DatabaseError},
    postgres::{
        PgArgumentBuffer, PgArguments, PgConnectOptions, PgConnection, PgHasArrayType,
        PgPoolOptions, PgRow, PgTypeInfo, PgValueRef,
    },
};
use uuid::Uuid;

use super::sql::{
    Pools,
    dialect::{CommitOutcome, Dialect, ErrorClass},
    rows::{Cells, Kind, Rows},
};
use crate::domain::time::Timestamp;

/// Connections that write, one for each lane of the writer: enough that commits overlap,
/// few enough that each has company.
pub const LANES: usize = 4;
const READERS: u32 = 8;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Brings the schema up to date, under the lock that sqlx takes, and opens the pools.
pub async fn open(url: &str) -> sqlx::Result<Pools<Postgres>> {
    let options = PgConnectOptions::from_str(url)?.application_name("dwell");
    let lanes = u32::try_from(LANES).unwrap_or(u32::MAX);
    let write = pool(lanes).connect_with(options.clone()).await?;
    sqlx::migrate!("migrations/postgres").run(&write).await?;
    let read = pool(READERS).connect_lazy_with(options);
    Ok(Pools { write, read })
}

fn pool(size: u32) -> sqlx::pool::PoolOptions<Postgres> {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A round trip for each call; a broken connection shows at the first statement too.
        .test_before_acquire(false)
}

impl Dialect for Postgres {
    // The lock has a fair queue, which a row locked FOR SHARE by many has not, and comes with
    // BEGIN in one round trip. Its number means nothing else in this database.
    const BEGIN_WRITE: &'static str =
        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock_shared(7201)";
    const BEGIN_WRITE_ALONE: &'static str =
        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(7201)";
    const BEGIN_READ: &'static str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
    const FOR_UPDATE: &'static str = "FOR UPDATE";
    const TRANSACTION_ID: &'static str = "pg_current_xact_id()::text";
    const EACH_FEATURE: &'static str = "jsonb_each_text(feature_usage) AS f(key, value)";

    fn rows_sql(rows: &Rows<'_>, first: usize) -> String {
        let mut arrays = Vec::new();
        let mut names = Vec::new();
        let mut outer = Vec::new();
        for (index, (name, kind)) in rows.columns().enumerate() {
            let parameter = first + index;
            arrays.push(format!("${parameter}::{}[]", array_type(kind)));
            outer.push(match kind {
                Kind::Json => format!("{name}::jsonb AS {name}"),
                _ => name.to_owned(),
            });
            names.push(name);
        }
        format!(
            "(SELECT {} FROM unnest({}) AS u({}))",
            outer.join(", "),
            arrays.join(", "),
            names.join(", ")
        )
    }

    fn ids_sql(first: usize) -> String {
        format!("= ANY(${first}::uuid[])")
    }

    fn bind_rows(args: &mut PgArguments, rows: &Rows<'_>) -> Result<(), BoxDynError> {
        rows.cells().try_for_each(|cells| match cells {
            Cells::Uuid(cells) => args.add(cells),
            Cells::Small(cells) => args.add(cells),
            Cells::Int(cells) => args.add(cells),
            Cells::Bool(cells) => args.add(cells),
            Cells::Text(cells) | Cells::Json(cells) => {
                let cells: Vec<_> = cells.iter().map(Option::as_deref).collect();
                args.add(cells)
            }
            Cells::Time(cells) => args.add(cells),
            Cells::Date(cells) => args.add(cells),
            Cells::Bytes(cells) => args.add(cells),
        })
    }

    fn bind_ids(args: &mut PgArguments, ids: Vec<Uuid>) -> Result<(), BoxDynError> {
        args.add(ids)
    }

    async fn fetch(
        conn: &mut PgConnection,
        sql: String,
        args: PgArguments,
    ) -> sqlx::Result<Vec<PgRow>> {
        sqlx::query_with(AssertSqlSafe(sql), args)
            .fetch_all(conn)
            .await
    }

    async fn execute(conn: &mut PgConnection, sql: String, args: PgArguments) -> sqlx::Result<u64> {
        let done = sqlx::query_with(AssertSqlSafe(sql), args)
            .execute(conn)
            .await?;
        Ok(done.rows_affected())
    }

    async fn outcome(conn: &mut PgConnection, transaction_id: &str) -> sqlx::Result<CommitOutcome> {
        let row = sqlx::query("SELECT pg_xact_status($1::xid8) AS status")
            .bind(transaction_id)
            .fetch_one(conn)
            .await?;
        let status: Option<String> = row.try_get("status")?;
        Ok(match status.as_deref() {
            Some("committed") => CommitOutcome::Committed,
            Some("aborted") => CommitOutcome::RolledBack,
            _ => CommitOutcome::InProgress,
        })
    }

    fn classify(error: &dyn DatabaseError) -> ErrorClass {
        let code = error.code();
        let code = code.as_deref().unwrap_or_default();
        match code {
            // Serialization failure, deadlock, lock not available.
            "40001" | "40P01" | "55P03" => ErrorClass::Contention,
            // Read-only transaction: a standby, or a disk that filled up.
            "25006" => ErrorClass::Unavailable,
            // Connection, resources, operator's intervention, I/O.
            _ if ["08", "53", "57", "58"].iter().any(|c| code.starts_with(c)) => {
                ErrorClass::Unavailable
            }
            _ => ErrorClass::Refused,
        }
    }
}

const fn array_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Uuid => "uuid",
        Kind::Small => "smallint",
        Kind::Int => "bigint",
        Kind::Bool => "boolean",
        Kind::Text | Kind::Json => "text",
        Kind::Time => "timestamptz",
        Kind::Date => "date",
        Kind::Bytes => "bytea",
    }
}

impl Type<Postgres> for Timestamp {
    fn type_info() -> PgTypeInfo {
        <DateTime<Utc> as Type<Postgres>>::type_info()
    }
}

impl PgHasArrayType for Timestamp {
    fn array_type_info() -> PgTypeInfo {
        <DateTime<Utc> as PgHasArrayType>::array_type_info()
    }
}

impl Encode<'_, Postgres> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(self.to_utc(), buffer)
    }
}

impl Decode<'_, Postgres> for Timestamp {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        <DateTime<Utc> as Decode<Postgres>>::decode(value).map(Into::into)
    }
}
