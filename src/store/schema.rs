//! What `dwell migrate` would do. Nothing is changed.

use sqlx::{
    ConnectOptions, Connection, PgConnection, Postgres, Sqlite, SqliteConnection,
    error::DatabaseError,
    migrate::{MigrateError, Migration, Migrator},
};

use super::{
    OpenError, postgres,
    sql::dialect::{Dialect, Query, get},
    sqlite,
};
use crate::config::is_sqlite;

const SELECT_APPLIED: &str =
    "SELECT version, success, checksum FROM _sqlx_migrations ORDER BY version";
const UNDEFINED_TABLE: &str = "42P01";

/// A migration as the database remembers it.
struct Applied {
    version: i64,
    success: bool,
    checksum: Vec<u8>,
}

/// The migrations that are still to be applied to the database at `url`, in order. A SQLite file
/// that is missing is not made.
///
/// # Errors
/// Fails if the database cannot be reached, or migrating it would.
pub async fn pending(url: &str) -> Result<Vec<&'static Migration>, OpenError> {
    if is_sqlite(url) {
        let options = sqlite::options(url)?.read_only(true);
        if !options.get_filename().exists() {
            return Ok(remaining(&sqlite::MIGRATIONS, &[])?);
        }
        let mut conn: SqliteConnection = options.connect().await?;
        let applied = applied::<Sqlite>(&mut conn).await?;
        Ok(remaining(&sqlite::MIGRATIONS, &applied)?)
    } else {
        let mut conn = PgConnection::connect_with(&postgres::options(url)?).await?;
        let applied = applied::<Postgres>(&mut conn).await?;
        Ok(remaining(&postgres::MIGRATIONS, &applied)?)
    }
}

async fn applied<DB: Dialect>(conn: &mut DB::Connection) -> sqlx::Result<Vec<Applied>> {
    let rows = match Query::<DB>::new(SELECT_APPLIED).fetch(conn).await {
        Ok(rows) => rows,
        Err(sqlx::Error::Database(error)) if is_no_table(&*error) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    rows.iter()
        .map(|row| {
            Ok(Applied {
                version: get::<DB, _>(row, "version")?,
                success: get::<DB, _>(row, "success")?,
                checksum: get::<DB, _>(row, "checksum")?,
            })
        })
        .collect()
}

/// Before the first migration there is no table of them. SQLite has no code for that.
fn is_no_table(error: &dyn DatabaseError) -> bool {
    error.code().as_deref() == Some(UNDEFINED_TABLE) || error.message().starts_with("no such table")
}

/// Refuses what sqlx refuses when it migrates.
fn remaining(
    migrations: &'static Migrator,
    applied: &[Applied],
) -> Result<Vec<&'static Migration>, MigrateError> {
    for row in applied {
        let known = migrations.iter().find(|one| one.version == row.version);
        let known = known.ok_or(MigrateError::VersionMissing(row.version))?;
        if !row.success {
            return Err(MigrateError::Dirty(row.version));
        }
        if *known.checksum != *row.checksum {
            return Err(MigrateError::VersionMismatch(row.version));
        }
    }
    let is_applied = |one: &Migration| applied.iter().any(|row| row.version == one.version);
    Ok(migrations.iter().filter(|one| !is_applied(one)).collect())
}
