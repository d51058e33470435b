//! How much a database holds, for `dwell stats`. It reads as the jobs do, who see every tenant.

use serde::Serialize;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, Postgres, Sqlite, SqliteConnection,
};
use uuid::Uuid;

use super::{
    postgres,
    sql::{
        dialect::{Dialect, Query, Reader, get},
        schema_version,
    },
    sqlite,
};
use crate::config::is_sqlite;

/// Each tenant's searches go by keys that begin with it.
pub const COUNT_BY_TENANT: &str = "
    SELECT t.tenant_id,
        (SELECT COUNT(*) FROM users u
            WHERE u.tenant_id = t.tenant_id AND u.deleted_at IS NULL) AS users,
        (SELECT COUNT(*) FROM user_sessions s
            WHERE s.tenant_id = t.tenant_id AND s.state < 3) AS open,
        (SELECT COUNT(*) FROM user_sessions s
            WHERE s.tenant_id = t.tenant_id AND s.state = 3) AS ended
    FROM tenants t
    ORDER BY t.tenant_id";

const SELECT_POSTGRES_SIZES: &str = "
    SELECT relname::text AS name, pg_total_relation_size(oid) AS bytes FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
    ORDER BY bytes DESC, name";
const SELECT_POSTGRES: &str = "
    SELECT 'PostgreSQL ' || current_setting('server_version') AS engine,
        pg_database_size(current_database()) AS bytes";

/// Indexes count for their tables.
const SELECT_SQLITE_SIZES: &str = "
    SELECT s.tbl_name AS name, SUM(d.pgsize) AS bytes
    FROM dbstat AS d JOIN sqlite_schema AS s ON s.name = d.name
    WHERE d.aggregate = TRUE AND s.tbl_name NOT LIKE 'sqlite_%'
    GROUP BY s.tbl_name ORDER BY bytes DESC, s.tbl_name";
const SELECT_SQLITE: &str = "
    SELECT 'SQLite ' || sqlite_version() AS engine, page_count * page_size AS bytes
    FROM pragma_page_count, pragma_page_size";

/// What there is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Stats {
    /// Its name and version.
    pub engine: String,
    /// The latest migration that was applied.
    pub schema_version: i64,
    /// The whole database.
    pub bytes: i64,
    /// By id.
    pub tenants: Vec<TenantStats>,
    /// The largest first.
    pub tables: Vec<TableSize>,
}

/// How much there is of one tenant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TenantStats {
    pub tenant_id: Uuid,
    /// Without those who are deleted.
    pub users: i64,
    /// Started and not ended yet, those too that the sweep has still to find over.
    pub open_sessions: i64,
    pub ended_sessions: i64,
}

/// A table with its indexes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TableSize {
    pub name: String,
    pub bytes: i64,
}

/// Looks at the database at `url`, and changes nothing.
///
/// # Errors
/// Fails if it cannot be reached, has no schema, or this login may not act as the jobs.
pub async fn read(url: &str) -> sqlx::Result<Stats> {
    if is_sqlite(url) {
        let options = sqlite::options(url)?.read_only(true);
        let mut conn: SqliteConnection = options.connect().await?;
        let (version, _) = schema_version::<Sqlite>(&mut conn, &sqlite::MIGRATIONS).await?;
        let begin = AssertSqlSafe(Sqlite::begin_read(Reader::Jobs));
        let mut tx = conn.begin_with(begin).await?;
        let tenants = tenants::<Sqlite>(&mut tx).await?;
        let sizes = [SELECT_SQLITE, SELECT_SQLITE_SIZES];
        whole::<Sqlite>(&mut tx, sizes, version, tenants).await
    } else {
        let mut conn = PgConnection::connect_with(&postgres::options(url)?).await?;
        let (version, _) = schema_version::<Postgres>(&mut conn, &postgres::MIGRATIONS).await?;
        let begin = AssertSqlSafe(Postgres::begin_read(Reader::Jobs));
        let mut tx = conn.begin_with(begin).await?;
        let tenants = tenants::<Postgres>(&mut tx).await?;
        tx.commit().await?;
        // The jobs may not ask how large a database is that not everybody may connect to.
        let sizes = [SELECT_POSTGRES, SELECT_POSTGRES_SIZES];
        whole::<Postgres>(&mut conn, sizes, version, tenants).await
    }
}

async fn tenants<DB: Dialect>(conn: &mut DB::Connection) -> sqlx::Result<Vec<TenantStats>> {
    let rows = Query::<DB>::new(COUNT_BY_TENANT).fetch(conn).await?;
    rows.iter()
        .map(|row| {
            Ok(TenantStats {
                tenant_id: get::<DB, _>(row, "tenant_id")?,
                users: get::<DB, _>(row, "users")?,
                open_sessions: get::<DB, _>(row, "open")?,
                ended_sessions: get::<DB, _>(row, "ended")?,
            })
        })
        .collect()
}

async fn whole<DB: Dialect>(
    conn: &mut DB::Connection,
    [database, tables]: [&'static str; 2],
    version: Option<i64>,
    tenants: Vec<TenantStats>,
) -> sqlx::Result<Stats> {
    let rows = Query::<DB>::new(database).fetch(conn).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let (engine, bytes) = (get::<DB, _>(row, "engine")?, get::<DB, _>(row, "bytes")?);
    let rows = Query::<DB>::new(tables).fetch(conn).await?;
    let sizes = rows.iter().map(|row| {
        Ok(TableSize {
            name: get::<DB, _>(row, "name")?,
            bytes: get::<DB, _>(row, "bytes")?,
        })
    });
    Ok(Stats {
        engine,
        schema_version: version.unwrap_or(0),
        bytes,
        tenants,
        tables: sizes.collect::<sqlx::Result<_>>()?,
    })
}
