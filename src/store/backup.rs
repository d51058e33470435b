//! A copy of a SQLite database, made while it serves.

use std::path::Path;

use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

use super::sqlite;

const COPY: &str = "VACUUM INTO $1";
const COUNT_BYTES: &str = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
/// Tells its first hundred faults, or `ok`.
const CHECK: &str = "PRAGMA integrity_check";
const CHECK_KEYS: &str = "SELECT COUNT(*) FROM pragma_foreign_key_check";

/// A database to copy.
pub struct Source(SqliteConnection);

impl Source {
    /// Opens the file at `url`, for reading alone.
    ///
    /// # Errors
    /// Fails if there is none.
    pub async fn open(url: &str) -> sqlx::Result<Self> {
        let options = sqlite::options(url)?.read_only(true);
        options.connect().await.map(Self)
    }

    /// How large it is, its free pages included, which are not copied.
    pub async fn bytes(&mut self) -> sqlx::Result<i64> {
        sqlx::query_scalar(COUNT_BYTES).fetch_one(&mut self.0).await
    }

    /// Writes the database as it is at one instant to the file `to`, which is missing or empty.
    /// Whoever writes to it meanwhile waits for nothing. The file is not synced to disk.
    pub async fn copy(&mut self, to: &str) -> sqlx::Result<()> {
        sqlx::query(COPY).bind(to).execute(&mut self.0).await?;
        Ok(())
    }
}

/// Fails with SQLite's own words unless the database in the file is whole.
pub async fn verify(path: &Path) -> Result<(), String> {
    let faults = faults(path).await.map_err(|error| error.to_string())?;
    faults.map_or(Ok(()), Err)
}

async fn faults(path: &Path) -> sqlx::Result<Option<String>> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut conn = options.disable_statement_logging().connect().await?;
    let found: String = sqlx::query_scalar(CHECK).fetch_one(&mut conn).await?;
    if found != "ok" {
        return Ok(Some(found));
    }
    let lost: i64 = sqlx::query_scalar(CHECK_KEYS).fetch_one(&mut conn).await?;
    Ok((lost > 0).then(|| format!("{lost} rows refer to what is not there")))
}
