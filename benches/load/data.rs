//! Rows that are there before the load begins, by one text of SQL for both engines.

use crate::{
    Result,
    calls::Population,
    database::{Conn, Database, Engine},
};

/// Sessions of each user of [`history`]: two a day.
pub const SESSIONS_OF_USER: u32 = 40;
/// Days that [`history`] spans.
const HISTORY_DAYS: u32 = 20;
const MICROS_A_DAY: u64 = 86_400_000_000;
/// How long each session lasted.
const SESSION_MICROS: u64 = 600_000_000;
const SECOND_MICROS: u64 = 1_000_000;

const TENANTS: &str = "
    INSERT INTO tenants (tenant_id, time_zone, time_zone_changes, idle_timeout_seconds,
        max_lifetime_seconds, over_limit_policy, client_types, points_per_minute,
        points_per_correct_item, created_at, updated_at)
    SELECT {tenant}, 'UTC', '[]', 1800, 86400, 1, '[\"web\", \"api\"]', 0.5, 1, {begin}, {begin}
    FROM {tenants} AS t";

/// Each was seen before, as most users who log in were.
const USERS: &str = "
    INSERT INTO users (tenant_id, id, login_count, last_active_at, total_usage_seconds,
        first_seen_at, first_date, created_at, updated_at)
    SELECT {tenant}, {user}, 0, {begin}, 0, {begin}, {first_date}, {begin}, {begin}
    FROM {tenants} AS t CROSS JOIN {users} AS u";

/// In order of their starts, which are at even distances; all are over.
const SESSIONS: &str = "
    INSERT INTO user_sessions (tenant_id, id, user_id, session_type, client_type, client_info,
        ip_address, focus_mode, location, state, started_at, start_date, last_active_at, pauses,
        ended_at, end_reason, duration_seconds, completion_status, notes, items_correct,
        points_earned, created_at, updated_at)
    SELECT {tenant}, {session}, {user}, 'normal', 'web',
        'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101', '203.0.113.7', false, '',
        3, {start}, {start_date}, {end}, '[]', {end}, 1, 600, 1, '', 0, 5, {start}, {end}
    FROM {sessions} AS s";

/// Date after date, as they come in life.
const DAYS: &str = "
    INSERT INTO user_usage_stats (tenant_id, user_id, usage_date, login_count, active_seconds,
        simulation_runs, documents_accessed, feature_usage, sessions_started,
        sessions_completed, updated_at)
    SELECT {tenant}, {user}, {date}, 2, 1200, 0, 3, '{\"export\": 2, \"search\": 7}', 2, 2, {time}
    FROM {days} AS d CROSS JOIN {users} AS u";

/// What makes yesterday's usage count once, one of each user. Made in yesterday's last second,
/// they are remembered all of today.
const REQUESTS: &str = "
    INSERT INTO usage_requests (tenant_id, id, user_id, usage_date, fingerprint, created_at)
    SELECT {tenant}, {request}, {user}, {date}, {fingerprint}, {created}
    FROM {days} AS d CROSS JOIN {users} AS u";

/// A value as an engine writes it, from integers.
impl Engine {
    fn uuid(self, high: &str, low: &str) -> String {
        match self {
            Self::Sqlite => format!("unhex(printf('%016x%016x', {high}, {low}))"),
            Self::Postgres => format!(
                "(lpad(to_hex(({high})::bigint), 16, '0') || lpad(to_hex(({low})::bigint), 16, '0'))::uuid"
            ),
        }
    }

    fn time(self, micros: &str) -> String {
        match self {
            Self::Sqlite => micros.to_owned(),
            Self::Postgres => format!("to_timestamp(({micros}) / 1e6)"),
        }
    }

    fn date(self, days: &str) -> String {
        match self {
            Self::Sqlite => format!("date(({days}) * 86400, 'unixepoch')"),
            Self::Postgres => format!("(date '1970-01-01' + ({days})::int)"),
        }
    }

    /// Of no request.
    fn fingerprint(self) -> &'static str {
        match self {
            Self::Sqlite => "zeroblob(32)",
            Self::Postgres => "decode(repeat('00', 32), 'hex')",
        }
    }

    fn series(self, name: &str, first: u32, count: u32) -> String {
        let last = first + count - 1;
        match self {
            Self::Sqlite => format!(
                "(WITH RECURSIVE each({name}) AS (SELECT {first} UNION ALL
                    SELECT {name} + 1 FROM each WHERE {name} < {last}) SELECT {name} FROM each)"
            ),
            Self::Postgres => {
                format!("(SELECT {name} FROM generate_series({first}::bigint, {last}) AS {name})")
            }
        }
    }

    /// Microseconds at the last midnight.
    async fn midnight(self, conn: &mut Conn) -> Result<u64> {
        let sql = match self {
            Self::Sqlite => "SELECT CAST(unixepoch('now', 'start of day') AS TEXT)",
            Self::Postgres => {
                "SELECT extract(epoch FROM date_trunc('day', now(), 'UTC'))::bigint::text"
            }
        };
        let seconds: u64 = conn.texts(sql).await?.concat().parse()?;
        Ok(seconds * SECOND_MICROS)
    }
}

fn filled(sql: &str, values: &[(&str, String)]) -> String {
    let fill = |sql: String, (name, value): &(&str, String)| sql.replace(name, value);
    values.iter().fold(sql.to_owned(), fill)
}

/// The tenants and users of a load. Some were there yesterday, so that an engine knows what the
/// tables are like.
pub async fn population(database: &Database, population: Population) -> Result<()> {
    let engine = database.engine;
    let mut conn = database.connect().await?;
    users(&mut conn, engine, population).await?;
    let midnight = engine.midnight(&mut conn).await?;
    let yesterday = midnight - MICROS_A_DAY;
    let tenants = engine.series("tenant", population.first_tenant, population.tenants);
    let some = engine.series("number", 1, population.users.div_ceil(10));
    let each = format!("(SELECT tenant, number FROM {tenants} AS t CROSS JOIN {some} AS u)");
    let date = engine.date(&(yesterday / MICROS_A_DAY).to_string());
    let time = engine.time(&yesterday.to_string());
    let values = [
        ("{sessions}", each),
        ("{days}", tenants),
        ("{users}", some),
        ("{tenant}", engine.uuid("0", "tenant")),
        ("{user}", engine.uuid("tenant", "number")),
        ("{session}", engine.uuid("number", "tenant")),
        ("{request}", engine.uuid("number", "tenant")),
        ("{fingerprint}", engine.fingerprint().to_owned()),
        (
            "{created}",
            engine.time(&(midnight - SECOND_MICROS).to_string()),
        ),
        ("{date}", date.clone()),
        ("{start_date}", date),
        ("{time}", time.clone()),
        ("{start}", time),
        (
            "{end}",
            engine.time(&(yesterday + SESSION_MICROS).to_string()),
        ),
    ];
    for sql in [SESSIONS, DAYS, REQUESTS] {
        conn.execute(&filled(sql, &values)).await?;
    }
    settle(&mut conn).await?;
    conn.close().await
}

/// Tenants and their users, first seen a month ago.
async fn users(conn: &mut Conn, engine: Engine, population: Population) -> Result<()> {
    let month_ago = engine.midnight(conn).await? - 30 * MICROS_A_DAY;
    let (first, tenants) = (population.first_tenant, population.tenants);
    let values = [
        ("{tenants}", engine.series("tenant", first, tenants)),
        ("{users}", engine.series("number", 1, population.users)),
        ("{tenant}", engine.uuid("0", "tenant")),
        ("{user}", engine.uuid("tenant", "number")),
        ("{begin}", engine.time(&month_ago.to_string())),
        (
            "{first_date}",
            engine.date(&(month_ago / MICROS_A_DAY).to_string()),
        ),
    ];
    for sql in [TENANTS, USERS] {
        conn.execute(&filled(sql, &values)).await?;
    }
    Ok(())
}

/// One tenant with so many sessions of [`SESSIONS_OF_USER`] for each user, all over by
/// yesterday, and the users' days. Returns the first and the last of the days.
pub async fn history(database: &Database, sessions: u32) -> Result<(String, String)> {
    let engine = database.engine;
    let users_count = sessions / SESSIONS_OF_USER;
    let mut conn = database.connect().await?;
    users(&mut conn, engine, one_tenant(users_count)).await?;
    let begin = engine.midnight(&mut conn).await? - u64::from(HISTORY_DAYS + 1) * MICROS_A_DAY;
    let step = u64::from(HISTORY_DAYS) * MICROS_A_DAY / u64::from(sessions);
    let start = format!("{begin} + number * {step}");
    let values = [
        ("{sessions}", engine.series("number", 0, sessions)),
        ("{tenant}", engine.uuid("0", "1")),
        ("{session}", engine.uuid("number + 1", "0")),
        (
            "{user}",
            engine.uuid("1", &format!("1 + number % {users_count}")),
        ),
        ("{start}", engine.time(&start)),
        ("{end}", engine.time(&format!("{start} + {SESSION_MICROS}"))),
        (
            "{start_date}",
            engine.date(&format!("({start}) / {MICROS_A_DAY}")),
        ),
    ];
    let first_day = begin / MICROS_A_DAY;
    let loads = [
        filled(SESSIONS, &values),
        days_sql(engine, users_count, first_day, HISTORY_DAYS),
    ];
    load(&mut conn, &loads).await?;
    let last_day = first_day + u64::from(HISTORY_DAYS) - 1;
    let range = (
        date_text(&mut conn, engine, first_day).await?,
        date_text(&mut conn, engine, last_day).await?,
    );
    conn.close().await?;
    Ok(range)
}

/// One tenant with a row for each of its users on each of so many days up to yesterday.
/// Returns the first and the last of the days.
pub async fn days(database: &Database, users_count: u32, days: u32) -> Result<(String, String)> {
    let engine = database.engine;
    let mut conn = database.connect().await?;
    users(&mut conn, engine, one_tenant(users_count)).await?;
    let today = engine.midnight(&mut conn).await? / MICROS_A_DAY;
    let first_day = today - u64::from(days);
    let loads = [days_sql(engine, users_count, first_day, days)];
    load(&mut conn, &loads).await?;
    let range = (
        date_text(&mut conn, engine, first_day).await?,
        date_text(&mut conn, engine, today - 1).await?,
    );
    conn.close().await?;
    Ok(range)
}

pub fn one_tenant(users: u32) -> Population {
    Population {
        first_tenant: 1,
        tenants: 1,
        users,
    }
}

fn days_sql(engine: Engine, users: u32, first_day: u64, days: u32) -> String {
    let values = [
        ("{days}", engine.series("day", 0, days)),
        ("{users}", engine.series("number", 1, users)),
        ("{tenant}", engine.uuid("0", "1")),
        ("{user}", engine.uuid("1", "number")),
        ("{date}", engine.date(&format!("{first_day} + day"))),
        (
            "{time}",
            engine.time(&format!("({first_day} + day) * {MICROS_A_DAY}")),
        ),
    ];
    filled(DAYS, &values)
}

async fn date_text(conn: &mut Conn, engine: Engine, day: u64) -> Result<String> {
    let sql = format!("SELECT CAST({} AS TEXT)", engine.date(&day.to_string()));
    Ok(conn.texts(&sql).await?.concat())
}

/// Runs the statements without the indexes that are not constraints, and makes those again:
/// each in one go, which takes minutes less.
async fn load(conn: &mut Conn, statements: &[String]) -> Result<()> {
    let (prepare, names, definitions, done) = match conn {
        Conn::Sqlite(_) => SQLITE_LOAD,
        Conn::Postgres(_) => POSTGRES_LOAD,
    };
    conn.execute(prepare).await?;
    let definitions = conn.texts(definitions).await?;
    for name in conn.texts(names).await? {
        conn.execute(&format!("DROP INDEX {name}")).await?;
    }
    for sql in statements.iter().chain(&definitions) {
        conn.execute(sql).await?;
    }
    conn.execute(done).await?;
    settle(conn).await
}

/// What to run before, the indexes' names, their definitions, what to run after.
type LoadSql = (&'static str, &'static str, &'static str, &'static str);

/// With an index go its statistics, which the migrations have given it.
const SQLITE_LOAD: LoadSql = (
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;
     PRAGMA cache_size = -1000000; CREATE TEMP TABLE statistics AS SELECT * FROM sqlite_stat1",
    "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL
        AND tbl_name IN ('user_sessions', 'user_usage_stats')",
    "SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL
        AND tbl_name IN ('user_sessions', 'user_usage_stats')",
    "DELETE FROM sqlite_stat1; INSERT INTO sqlite_stat1 SELECT * FROM statistics;
     PRAGMA journal_mode = WAL",
);

/// In that role foreign keys are not checked.
const POSTGRES_LOAD: LoadSql = (
    "SET session_replication_role = replica",
    "SELECT indexname::text FROM pg_indexes
        WHERE tablename IN ('user_sessions', 'user_usage_stats')
        AND indexname NOT IN (SELECT conname FROM pg_constraint)",
    "SELECT indexdef FROM pg_indexes
        WHERE tablename IN ('user_sessions', 'user_usage_stats')
        AND indexname NOT IN (SELECT conname FROM pg_constraint)",
    "SET session_replication_role = DEFAULT",
);

/// Does with the loaded tables what would otherwise be done while the load runs.
pub async fn settle(conn: &mut Conn) -> Result<()> {
    if let Conn::Postgres(_) = conn {
        conn.execute("VACUUM ANALYZE").await?;
        conn.execute("CHECKPOINT").await?;
    }
    Ok(())
}
