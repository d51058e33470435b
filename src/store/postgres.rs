//! What is PostgreSQL's own: the pools, and rows as arrays.

use std::{collections::BTreeMap, future::pending, io, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use sqlx::{
    Arguments, AssertSqlSafe, ConnectOptions, Connection, Decode, Encode, Executor, Postgres, Row,
    Type,
    encode::IsNull,
    error::{BoxDynError, DatabaseError},
    migrate::{Migrate, Migrator},
    postgres::{
        PgArgumentBuffer, PgArguments, PgConnectOptions, PgConnection, PgHasArrayType, PgListener,
        PgNotification, PgPool, PgPoolOptions, PgRow, PgTypeInfo, PgValueRef,
    },
};
use tokio::{sync::Semaphore, time::timeout};
use uuid::Uuid;

use super::{
    OpenError, citus,
    events::Wakes,
    row_security,
    sql::{
        dialect::{Dialect, ErrorClass, Reader, Version, Write, Written},
        insist_on_schema,
        pools::{Pools, Silence},
        rows::{Cells, Kind, Rows},
    },
};
use crate::domain::{ids::TenantId, time::Timestamp};

/// The schema, step by step.
pub static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// Connections that write, one for each lane of the writer: enough that commits overlap,
/// few enough that each has company.
pub const LANES: usize = 4;
/// One of them listens for events.
const READERS: u32 = 9;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Tells dwell's advisory locks from those of others in the same database.
const LOCK_CLASS: i32 = 7_201;
/// What the lanes run finds its rows by key. So a plan for these very parameters is no better
/// than the one made before, and to make it takes longer than to run it; and a table of which
/// there are no statistics yet, as of one that was just made, is searched by key all the same.
const BY_KEY: [(&str, &str); 6] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];
/// Where instances tell each other whose events there are.
pub const CHANNEL: &str = "dwell_session_events";
/// PostgreSQL lets one transaction at a time tell something, so what is told is gathered for as
/// long, and in no transaction that writes.
const GATHER: Duration = Duration::from_millis(20);
/// A server that hears no more of dwell ends its transaction, so that the next one gets its locks,
/// and no snapshot keeps rows that are dead. In the midst of a request only TCP tells (s).
const LEFT_ALONE: [(&str, &str); 4] = [
    ("idle_in_transaction_session_timeout", "10s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];
/// How long a connection may take to answer when it is given back after a silence.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);
/// How long to wait for a transaction whose commit is in doubt before it is asked again.
const SETTLE_TIMEOUT: &str = "500ms";
/// How long a connection may be idle before it is tried, and how long it may take to answer then.
const TRIED_AFTER: Duration = Duration::from_secs(1);
const TRIED_FOR: Duration = Duration::from_secs(1);

/// Opens the pools, with the schema up to date: sqlx migrates under a lock.
pub async fn open(
    url: &str,
    replica: Option<&str>,
    migrate: bool,
) -> Result<Pools<Postgres>, OpenError> {
    let options = options(url)?;
    let replica = replica.map(self::options).transpose()?;
    // A pool would only say that no connection became free; this says why.
    let mut conn = PgConnection::connect_with(&options).await?;
    if migrate {
        row_security::make_roles(&mut conn).await?;
        // What the lanes are told of plans is not for migrations, which go over whole tables.
        let plain = pool(1, &Silence::default());
        let plain = plain.connect_with(options.clone()).await?;
        MIGRATIONS.run(&plain).await?;
        plain.close().await;
        conn.lock().await?;
        citus::distribute(&mut conn).await?;
        conn.unlock().await?;
    } else {
        insist_on_schema::<Postgres>(&mut conn, &MIGRATIONS).await?;
    }
    row_security::insist(&mut conn).await?;
    if let Some(risk) = super::check::risk(&mut conn).await? {
        tracing::warn!("{risk}");
    }
    conn.close().await?;
    // One more than there are lanes, for the outbox: no lane waits for it.
    let writers = u32::try_from(LANES + 1).unwrap_or(u32::MAX);
    let writer = options.clone().options(BY_KEY).options(LEFT_ALONE);
    let silence = Silence::default();
    let readers = |options: PgConnectOptions| {
        pool(READERS, &silence).connect_lazy_with(options.options(LEFT_ALONE))
    };
    Ok(Pools::new(
        pool(writers, &silence).connect_with(writer).await?,
        readers(options),
        replica.map(readers),
        silence,
    ))
}

/// How to connect.
pub fn options(url: &str) -> sqlx::Result<PgConnectOptions> {
    Ok(PgConnectOptions::from_str(url)?
        .application_name("dwell")
        // sqlx would log slow statements with their SQL.
        .disable_statement_logging())
}

fn pool(size: u32, silence: &Silence) -> sqlx::pool::PoolOptions<Postgres> {
    let silence = silence.clone();
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A round trip for each call would be dear, so only connections that nobody has used
        // for a while are tried first.
        .test_before_acquire(false)
        .before_acquire(|conn, meta| {
            Box::pin(async move {
                if meta.idle_for < TRIED_AFTER {
                    return Ok(true);
                }
                // Of one that is silent no call learns: it gets a new one.
                let answered = timeout(TRIED_FOR, conn.ping()).await;
                answered.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                Ok(true)
            })
        })
        // sqlx waits for each that is given back to be ready again, however long that takes.
        .after_release(move |conn, _| {
            let tried = silence.was_met();
            Box::pin(async move {
                Ok(!tried || matches!(timeout(ANSWERS_WITHIN, conn.ping()).await, Ok(Ok(()))))
            })
        })
}

impl Dialect for Postgres {
    const FOR_UPDATE: &'static str = "FOR UPDATE";
    const SKIP_LOCKED: &'static str = "FOR UPDATE OF o SKIP LOCKED";
    const DAY_BIT: &'static str = "1::bigint << (d.local_date - r.start_date)";
    const EVENT_POSITION: &'static str = "pg_current_xact_id()::text::bigint";
    const EVENT_HORIZON: &'static str = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
    // A restore into another server, or up to some point in time, and a standby that takes over,
    // may give numbers of transactions a second time.
    const EVENT_EPOCH: &'static str = "(SELECT system_identifier + timeline_id
        FROM pg_control_system(), pg_control_checkpoint())";
    const BATCH_LIMIT: Option<Duration> = Some(Duration::from_secs(10));
    // A call is answered within this, unless `--max-deadline` says otherwise.
    const READ_LIMIT: Option<Duration> = Some(Duration::from_secs(30));
    const LOSES_ANSWERS: bool = true;
    const GREATEST: &'static str = "GREATEST";
    const LEAST: &'static str = "LEAST";
    const ADDED_COUNTS: &'static str = "
        CASE WHEN excluded.{column} = jsonb_build_object()
            THEN user_usage_stats.{column}
        WHEN user_usage_stats.{column} = jsonb_build_object() THEN excluded.{column} ELSE (
            SELECT jsonb_object_agg(key, uses) FROM (
                SELECT f.key, SUM(CAST(f.value AS bigint)) AS uses FROM (
                    SELECT * FROM jsonb_each_text(user_usage_stats.{column})
                    UNION ALL SELECT * FROM jsonb_each_text(excluded.{column})
                ) AS f GROUP BY f.key) AS sums) END";

    // Whom it acts as ends with the transaction, so that nothing of it stays with the connection,
    // whoever gets that next: a pooler may stand in between.
    fn begin_read(reader: Reader) -> String {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        format!("{begin}; {}", row_security::act_as(reader))
    }

    // Advisory locks have a fair queue, which a row locked FOR SHARE by many has not, and come
    // with BEGIN in one round trip.
    fn begin_write(tenants: &BTreeMap<TenantId, bool>) -> String {
        // By key, so that two transactions take them in the same order; two tenants may share
        // one.
        let mut locks = BTreeMap::new();
        for (tenant, alone) in tenants {
            *locks.entry(lock_key(*tenant)).or_insert(false) |= alone;
        }
        let serve = row_security::SERVE;
        let mut sql = format!("BEGIN ISOLATION LEVEL READ COMMITTED; {serve}");
        if let Some(first) = tenants.keys().next() {
            sql.push_str("; ");
            sql.push_str(&row_security::act_for(*first));
        }
        for (key, alone) in locks {
            let shared = if alone { "" } else { "_shared" };
            let lock = format!("; SELECT pg_advisory_xact_lock{shared}({LOCK_CLASS}, {key})");
            sql.push_str(&lock);
        }
        sql
    }

    fn begin_settle(tenant: TenantId) -> String {
        let (serve, act) = (row_security::SERVE, row_security::act_for(tenant));
        format!("BEGIN; {serve}; {act}; SET LOCAL lock_timeout = '{SETTLE_TIMEOUT}'")
    }

    async fn act_for(conn: &mut PgConnection, tenant: TenantId) -> sqlx::Result<()> {
        let sql = row_security::act_for(tenant);
        conn.execute(AssertSqlSafe(sql)).await?;
        Ok(())
    }

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
            Cells::Float(cells) => args.add(cells),
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

    // One statement, and so one round trip: each write waits for the one before by counting its
    // rows, so that locks are taken in the same order everywhere.
    async fn write_all(
        conn: &mut PgConnection,
        tenant: TenantId,
        known: Option<Version>,
        writes: &[Write<'_>],
    ) -> sqlx::Result<Written> {
        let mut args = PgArguments::default();
        args.add(tenant.uuid()).map_err(sqlx::Error::Encode)?;
        let mut parts = Vec::with_capacity(writes.len());
        let mut after = "true".to_owned();
        let mut finds_new = "false".to_owned();
        let mut counts = vec!["0::bigint".to_owned()];
        for (index, write) in writes.iter().enumerate() {
            let sql = write.sql::<Self>(args.len() + 1, &after);
            let returned = if write.if_new.is_some() {
                finds_new = format!("EXISTS (SELECT 1 FROM w{index} WHERE revision = 1)");
                "revision"
            } else {
                "1"
            };
            parts.push(format!("w{index} AS ({sql} RETURNING {returned})"));
            Self::bind_rows(&mut args, &write.rows).map_err(sqlx::Error::Encode)?;
            after = format!("(SELECT COUNT(*) FROM w{index}) >= 0");
            counts.push(format!("(SELECT COUNT(*) FROM w{index})"));
        }
        let mut current = "true".to_owned();
        if let Some(version) = known {
            let (number, time) = (args.len() + 1, args.len() + 2);
            current = format!(
                "EXISTS (SELECT 1 FROM tenants
                    WHERE tenant_id = $1 AND version = ${number} AND updated_at = ${time})"
            );
            args.add(version.number).map_err(sqlx::Error::Encode)?;
            args.add(version.updated_at).map_err(sqlx::Error::Encode)?;
        }
        let with = if parts.is_empty() { "" } else { "WITH " };
        let sql = format!(
            "{with}{} SELECT {}, {current}, {finds_new}",
            parts.join(", "),
            counts.join(" + "),
        );
        let row = sqlx::query_with(AssertSqlSafe(sql), args)
            .fetch_one(&mut *conn)
            .await?;
        if row.try_get(2)? {
            // In a statement of its own, which sees what the one before has written.
            for more in writes.iter().filter_map(|write| write.if_new.as_ref()) {
                let mut args = PgArguments::default();
                args.add(tenant.uuid()).map_err(sqlx::Error::Encode)?;
                Self::bind_rows(&mut args, &more.rows).map_err(sqlx::Error::Encode)?;
                Self::execute(conn, more.sql::<Self>(2, "true"), args).await?;
            }
        }
        let rows: i64 = row.try_get(0)?;
        Ok(Written {
            rows: rows.unsigned_abs(),
            current: row.try_get(1)?,
        })
    }

    fn text<'r>(row: &'r PgRow, column: &str) -> sqlx::Result<Option<&'r str>> {
        row.try_get(column)
    }

    async fn fetch_each(
        conn: &mut PgConnection,
        sql: String,
        args: PgArguments,
        mut each: impl FnMut(PgRow) + Send,
    ) -> sqlx::Result<()> {
        let mut rows = sqlx::query_with(AssertSqlSafe(sql), args).fetch(conn);
        while let Some(row) = rows.try_next().await? {
            each(row);
        }
        Ok(())
    }

    async fn execute(conn: &mut PgConnection, sql: String, args: PgArguments) -> sqlx::Result<u64> {
        let done = sqlx::query_with(AssertSqlSafe(sql), args)
            .execute(conn)
            .await?;
        Ok(done.rows_affected())
    }

    async fn relay(pool: &PgPool, wakes: &Wakes) -> sqlx::Result<()> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        loop {
            // What was told before it listened, or while the connection was lost, is not known.
            wakes.all();
            while let Some(told) = relay_next(&mut listener, wakes).await? {
                match told.payload().parse() {
                    Ok(tenant) => wakes.one(tenant),
                    Err(_) => wakes.all(),
                }
            }
        }
    }

    // The server's own checkpointer does.
    async fn write_back(_: &PgPool, _: &Semaphore) -> sqlx::Result<()> {
        pending().await
    }

    async fn learn_tables(conn: &mut PgConnection) -> sqlx::Result<usize> {
        let analyze: Vec<String> = sqlx::query_scalar(SELECT_TABLES_TO_ANALYZE)
            .fetch_all(&mut *conn)
            .await?;
        for sql in &analyze {
            conn.execute(AssertSqlSafe(sql.clone())).await?;
        }
        Ok(analyze.len())
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

/// Those with ten times the rows that the planner knows of. Autovacuum comes once a minute, and
/// until then statements go by plans that were made for empty tables, and read many rows for each
/// that they want.
const SELECT_TABLES_TO_ANALYZE: &str = "
    SELECT format('ANALYZE %I.%I', s.schemaname, s.relname)
    FROM pg_stat_user_tables s
    JOIN pg_class c ON c.oid = s.relid
    WHERE s.schemaname = current_schema() AND pg_has_role(c.relowner, 'USAGE')
        AND s.n_live_tup >= GREATEST(1000, 10 * c.reltuples)
    ORDER BY s.relname";

const NOTIFY: &str = "SELECT pg_notify($1, tenant) FROM unnest($2::text[]) AS tenant";

/// The next that another instance tells, or this one itself; `None` if the connection was lost.
async fn relay_next(
    listener: &mut PgListener,
    wakes: &Wakes,
) -> sqlx::Result<Option<PgNotification>> {
    loop {
        let tenants = tokio::select! {
            told = listener.try_recv() => return told,
            tenants = wakes.to_tell() => tenants,
        };
        let names: Vec<_> = tenants.iter().map(ToString::to_string).collect();
        let notify = sqlx::query(NOTIFY).bind(CHANNEL).bind(names);
        if let Err(error) = notify.execute(&mut *listener).await {
            wakes.tell_again(tenants);
            return Err(error);
        }
        tokio::time::sleep(GATHER).await;
    }
}

/// Stands for the tenant among dwell's locks.
fn lock_key(tenant: TenantId) -> i32 {
    let id = tenant.uuid();
    let (words, _) = id.as_bytes().as_chunks::<4>();
    words
        .iter()
        .fold(0, |key, word| key ^ i32::from_be_bytes(*word))
}

const fn array_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Uuid => "uuid",
        Kind::Small => "smallint",
        Kind::Int => "bigint",
        Kind::Float => "double precision",
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
