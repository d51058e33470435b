//! Rows that are there before the load begins, by one text of SQL for both engines.

use crate::{
    Result,
    calls::Population,
    database::{Conn, Database, Engine},
};

/// Sessions of each user of [`sessions`], so many each day.
pub const SESSIONS_OF_USER: u64 = 40;
pub const SESSIONS_A_DAY: u64 = 2;
const MICROS_A_DAY: u64 = 86_400_000_000;

const TENANTS: &str = "
    INSERT INTO tenants (tenant_id, time_zone, time_zone_changes, idle_timeout_seconds,
        max_lifetime_seconds, over_limit_policy, client_types, points_per_minute,
        points_per_correct_item, created_at, updated_at)
    SELECT {tenant}, 'UTC', '[]', 1800, 86400, 1, '[\"web\", \"api\"]', 0.5, 1, {now}, {now}
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
        'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101', '203.0.113.7', {false}, '',
        3, {start}, {start_date}, {end}, '[]', {end}, 1, 600, 1, '', 0, 5, {start}, {end}
    FROM {sessions} AS s";

/// Date after date, as they come in life.
const DAYS: &str = "
    INSERT INTO user_usage_stats (tenant_id, user_id, usage_date, login_count, active_seconds,
        simulation_runs, documents_accessed, feature_usage, sessions_started,
        sessions_completed, updated_at)
    SELECT {tenant}, {user}, {date}, 2, 1200, 0, 3, '{\"export\": 2, \"search\": 7}', 2, 2, {now}
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

    fn series(self, name: &str, first: u64, count: u64) -> String {
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
        Ok(seconds * 1_000_000)
    }
}

fn filled(sql: &str, values: &[(&str, String)]) -> String {
    let fill = |sql: String, (name, value): &(&str, String)| sql.replace(name, value);
    values.iter().fold(sql.to_owned(), fill)
}

/// The tenants and users of a load, the users first seen a month ago.
pub async fn users(database: &Database, population: Population) -> Result<()> {
    let engine = database.engine;
    let mut conn = database.connect().await?;
    let midnight = engine.midnight(&mut conn).await?;
    let month_ago = midnight - 30 * MICROS_A_DAY;
    let begin = engine.time(&month_ago.to_string());
    let (tenants, users) = (population.tenants.into(), population.users.into());
    let values = [
        (
            "{tenants}",
            engine.series("tenant", population.first_tenant.into(), tenants),
        ),
        ("{users}", engine.series("number", 1, users)),
        ("{tenant}", engine.uuid("0", "tenant")),
        ("{user}", engine.uuid("tenant", "number")),
        ("{now}", begin.clone()),
        ("{begin}", begin),
        (
            "{first_date}",
            engine.date(&(month_ago / MICROS_A_DAY).to_string()),
        ),
    ];
    for sql in [TENANTS, USERS] {
        conn.execute(&filled(sql, &values)).await?;
    }
    settle(&mut conn).await?;
    conn.close().await
}

/// What would otherwise be done while the load runs.
async fn settle(conn: &mut Conn) -> Result<()> {
    if let Conn::Postgres(_) = conn {
        conn.execute("VACUUM ANALYZE").await?;
        conn.execute("CHECKPOINT").await?;
    }
    Ok(())
}
