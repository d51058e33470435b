//! What `dwell check` finds of a database. It changes nothing.

use std::{cmp::Ordering, fmt, time::Duration};

use sqlx::{ConnectOptions, PgConnection, Postgres, Row, Sqlite, SqliteConnection};
use tokio::time::timeout;

use super::{postgres, row_security, sql::schema_version, sqlite};
use crate::{
    config::is_sqlite,
    domain::time::{Clock, SystemClock, Timestamp},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A replica further behind than this, in seconds, deserves a look.
const MUCH_LAG: f64 = 60.0;

const SELECT_SERVER: &str = "
    SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby,
        current_setting('fsync') AS fsync,
        current_setting('synchronous_commit') AS synchronous_commit,
        current_setting('full_page_writes') AS full_page_writes";

const SELECT_POSITION: &str = "
    SELECT system_identifier, pg_current_wal_lsn()::text AS position FROM pg_control_system()";

/// $1 is the primary's position. Seconds are since the last commit that was replayed, so the
/// replica is at most that old; with nothing left to replay it is as new as the primary.
const SELECT_LAG: &str = "
    SELECT system_identifier, pg_is_in_recovery() AS standby,
        CAST(GREATEST(pg_wal_lsn_diff($1::text::pg_lsn, pg_last_wal_replay_lsn()), 0) AS bigint)
            AS bytes,
        CAST(EXTRACT(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp())
            AS double precision) AS seconds
    FROM pg_control_system()";

/// Seconds that two clocks may be apart before times of several instances are out of order.
const MUCH_SKEW: f64 = 1.0;
/// Seconds from which on tokens and timeouts go wrong.
const TOO_MUCH_SKEW: f64 = 30.0;

const SELECT_CLOCK: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS bigint)";

/// Its own clock is the machine's; but the schema was not made in the future.
const SELECT_MADE: &str =
    "SELECT CAST(unixepoch(MAX(installed_on)) AS INTEGER) * 1000000 FROM _sqlx_migrations";

/// How something stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Level {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at; its text is a line of `dwell check`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    level: Level,
    what: &'static str,
    detail: String,
}

impl Finding {
    /// As it should be.
    pub fn ok(what: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Level::Ok, what, detail)
    }

    /// Wrong: dwell does not work, or does not keep what it promises.
    pub fn fail(what: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Level::Fail, what, detail)
    }

    /// Whether it is wrong.
    #[must_use]
    pub fn is_fail(&self) -> bool {
        self.level == Level::Fail
    }

    fn warn(what: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Level::Warn, what, detail)
    }

    fn new(level: Level, what: &'static str, detail: impl Into<String>) -> Self {
        Self {
            level,
            what,
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "fail",
        };
        write!(f, "{level:<6}{:<15}{}", self.what, self.detail)
    }
}

/// Looks at the database at `url`, and at its replica if there is one.
pub async fn database(url: &str, replica: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let looked = if is_sqlite(url) {
        of_sqlite(url, &mut findings).await
    } else {
        of_postgres(url, replica, &mut findings).await
    };
    // What was not looked at any more is not said to be well.
    if let Err((what, error)) = looked {
        findings.push(Finding::fail(what, error.to_string()));
    }
    findings
}

type Looked = Result<(), (&'static str, sqlx::Error)>;

async fn of_sqlite(url: &str, findings: &mut Vec<Finding>) -> Looked {
    let of = |what| move |error| (what, error);
    let options = sqlite::options(url)
        .map_err(of("database"))?
        .read_only(true);
    let mut conn: SqliteConnection = connect(&options).await.map_err(of("database"))?;
    let text = async |conn: &mut SqliteConnection, sql: &'static str| {
        sqlx::query_scalar::<_, String>(sql).fetch_one(conn).await
    };
    let version = text(&mut conn, "SELECT sqlite_version()").await;
    let version = version.map_err(of("database"))?;
    findings.push(Finding::ok("database", format!("SQLite {version} answers")));
    let versions = schema_version::<Sqlite>(&mut conn, &sqlite::MIGRATIONS).await;
    let (applied, newest) = versions.map_err(of("schema"))?;
    findings.push(schema((applied, newest)));
    if applied.is_some() {
        let made = sqlx::query_scalar(SELECT_MADE).fetch_one(&mut conn).await;
        let made = Timestamp::from_micros(made.map_err(of("clock"))?);
        // As long ago as it may be.
        findings.push(clock(seconds_ahead(made, SystemClock.now()).max(0.0)));
    }
    let journal = text(&mut conn, "PRAGMA journal_mode").await;
    let synchronous = sqlx::query_scalar::<_, i64>("PRAGMA synchronous");
    let synchronous = synchronous.fetch_one(&mut conn).await;
    findings.push(sqlite_durability(
        &journal.map_err(of("durability"))?,
        synchronous.map_err(of("durability"))?,
    ));
    Ok(())
}

async fn of_postgres(url: &str, replica: Option<&str>, findings: &mut Vec<Finding>) -> Looked {
    let of = |what| move |error| (what, error);
    let options = postgres::options(url).map_err(of("database"))?;
    let mut conn: PgConnection = connect(&options).await.map_err(of("database"))?;
    let server = sqlx::query(SELECT_SERVER).fetch_one(&mut conn).await;
    let server = server.map_err(of("database"))?;
    let version: String = server.try_get("version").map_err(of("database"))?;
    let standby: bool = server.try_get("standby").map_err(of("database"))?;
    findings.push(if standby {
        Finding::fail(
            "database",
            format!("PostgreSQL {version} is a standby and takes no writes"),
        )
    } else {
        Finding::ok("database", format!("PostgreSQL {version} answers"))
    });
    let versions = schema_version::<Postgres>(&mut conn, &postgres::MIGRATIONS).await;
    let schema = schema(versions.map_err(of("schema"))?);
    let complete = !schema.is_fail();
    findings.push(schema);
    if complete {
        let gap = row_security::find_gap(&mut conn).await;
        findings.push(apart(gap.map_err(of("row security"))?));
    }
    findings.push(clock(skew(&mut conn).await.map_err(of("clock"))?));
    let setting = |name| server.try_get(name).map_err(of("durability"));
    findings.push(postgres_durability(
        setting("fsync")?,
        setting("synchronous_commit")?,
        setting("full_page_writes")?,
    ));
    if let Some(replica) = replica {
        findings.push(lag(&mut conn, replica).await.map_err(of("replica"))?);
    }
    Ok(())
}

async fn connect<O: ConnectOptions<Connection: Sized>>(options: &O) -> sqlx::Result<O::Connection> {
    let connected = timeout(CONNECT_TIMEOUT, options.connect()).await;
    connected.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

fn schema((applied, newest): (Option<i64>, Option<i64>)) -> Finding {
    let number = |version: Option<i64>| version.unwrap_or(0);
    let (applied, newest) = (number(applied), number(newest));
    match applied.cmp(&newest) {
        Ordering::Less => {
            let detail = format!("version {applied} of {newest}: run `dwell migrate`");
            Finding::fail("schema", detail)
        }
        Ordering::Equal => Finding::ok("schema", format!("version {applied}, up to date")),
        Ordering::Greater => {
            let detail = format!("version {applied}, newer than this dwell's {newest}");
            Finding::warn("schema", detail)
        }
    }
}

/// Seconds that the database's clock is ahead of this machine's, as far as the way to it and back
/// lets that be known.
async fn skew(conn: &mut PgConnection) -> sqlx::Result<f64> {
    let asked = SystemClock.now();
    let told = sqlx::query_scalar(SELECT_CLOCK).fetch_one(conn).await?;
    let answered = SystemClock.now();
    let halfway = asked + answered.since(asked) / 2;
    Ok(seconds_ahead(Timestamp::from_micros(told), halfway))
}

fn seconds_ahead(time: Timestamp, of: Timestamp) -> f64 {
    time.since(of).as_secs_f64() - of.since(time).as_secs_f64()
}

fn clock(ahead: f64) -> Finding {
    let detail = format!("the database's is {ahead:+.3} s from this machine's");
    match ahead.abs() {
        skew if skew > TOO_MUCH_SKEW => Finding::fail("clock", detail),
        skew if skew > MUCH_SKEW => Finding::warn("clock", detail),
        _ => Finding::ok("clock", detail),
    }
}

fn apart(gap: Option<String>) -> Finding {
    match gap {
        Some(gap) => Finding::fail("row security", gap),
        None => Finding::ok("row security", "forced on every table of a tenant's"),
    }
}

/// What PostgreSQL is set to that loses answered writes in a crash, if anything.
pub async fn risk(conn: &mut PgConnection) -> sqlx::Result<Option<String>> {
    let server = sqlx::query(SELECT_SERVER).fetch_one(conn).await?;
    let found = postgres_durability(
        server.try_get("fsync")?,
        server.try_get("synchronous_commit")?,
        server.try_get("full_page_writes")?,
    );
    Ok(found.is_fail().then_some(found.detail))
}

fn postgres_durability(fsync: &str, synchronous_commit: &str, full_page_writes: &str) -> Finding {
    let detail = format!(
        "fsync {fsync}, synchronous_commit {synchronous_commit}, \
         full_page_writes {full_page_writes}"
    );
    if [fsync, synchronous_commit].contains(&"off") {
        let detail = format!("{detail}: a crash loses writes that were answered");
        Finding::fail("durability", detail)
    } else if full_page_writes == "off" {
        let detail = format!("{detail}: safe only where the disk never tears a page");
        Finding::warn("durability", detail)
    } else {
        Finding::ok("durability", detail)
    }
}

/// `synchronous` is what dwell sets on its connections: 2 is FULL.
fn sqlite_durability(journal_mode: &str, synchronous: i64) -> Finding {
    let detail = format!("journal_mode {journal_mode}, synchronous {synchronous}");
    if journal_mode == "wal" && synchronous >= 2 {
        Finding::ok("durability", detail)
    } else {
        let detail = format!("{detail}: `dwell serve` will make it wal and 2");
        Finding::warn("durability", detail)
    }
}

/// How old a replica is that follows the server at `primary`.
async fn lag(primary: &mut PgConnection, url: &str) -> sqlx::Result<Finding> {
    let row = sqlx::query(SELECT_POSITION).fetch_one(primary).await?;
    let (of, position): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
    let mut replica = connect(&postgres::options(url)?).await?;
    let row = sqlx::query(SELECT_LAG)
        .bind(position)
        .fetch_one(&mut replica)
        .await?;
    if row.try_get::<i64, _>("system_identifier")? != of {
        return Ok(Finding::fail("replica", "is not of this database's server"));
    }
    if !row.try_get::<bool, _>("standby")? {
        return Ok(Finding::fail("replica", "is no standby"));
    }
    let bytes: Option<i64> = row.try_get("bytes")?;
    let seconds: Option<f64> = row.try_get("seconds")?;
    Ok(behind(bytes.unwrap_or(0), seconds.unwrap_or(0.0)))
}

fn behind(bytes: i64, seconds: f64) -> Finding {
    let seconds = if bytes == 0 { 0.0 } else { seconds };
    let detail = format!("{seconds:.1} s and {bytes} bytes behind");
    if seconds > MUCH_LAG {
        Finding::warn("replica", detail)
    } else {
        Finding::ok("replica", detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_of_this_dwell_or_not() {
        assert_eq!(schema((Some(2), Some(2))).level, Level::Ok);
        assert_eq!(schema((Some(3), Some(2))).level, Level::Warn);
        assert_eq!(schema((Some(1), Some(2))).level, Level::Fail);
        assert_eq!(schema((None, Some(2))).level, Level::Fail);
    }

    #[test]
    fn what_may_lose_answered_writes_is_wrong() {
        for kept in ["on", "local", "remote_write", "remote_apply"] {
            assert_eq!(postgres_durability("on", kept, "on").level, Level::Ok);
        }
        assert_eq!(postgres_durability("off", "on", "on").level, Level::Fail);
        assert_eq!(postgres_durability("on", "off", "on").level, Level::Fail);
        assert_eq!(postgres_durability("on", "on", "off").level, Level::Warn);
        assert_eq!(sqlite_durability("wal", 2).level, Level::Ok);
        assert_eq!(sqlite_durability("delete", 2).level, Level::Warn);
        assert_eq!(sqlite_durability("wal", 1).level, Level::Warn);
    }

    #[test]
    fn clocks_that_are_apart_are_told() {
        for (ahead, level) in [
            (0.0, Level::Ok),
            (-0.9, Level::Ok),
            (1.1, Level::Warn),
            (-29.0, Level::Warn),
            (31.0, Level::Fail),
            (-3_600.0, Level::Fail),
        ] {
            assert_eq!(clock(ahead).level, level, "{ahead}");
        }
        let (early, late) = (Timestamp::from_micros(0), Timestamp::from_micros(1_500_000));
        assert_eq!(seconds_ahead(late, early).to_string(), "1.5");
        assert_eq!(seconds_ahead(early, late).to_string(), "-1.5");
    }

    #[test]
    fn a_replica_with_nothing_to_replay_is_not_behind() {
        assert_eq!(
            behind(0, 900.0),
            Finding::ok("replica", "0.0 s and 0 bytes behind")
        );
        assert_eq!(behind(8, 59.0).level, Level::Ok);
        assert_eq!(behind(8, 61.0).level, Level::Warn);
    }
}
