//! Databases of either engine, durable as they come.

use std::{
    fmt,
    process::{Command, Stdio},
    str::FromStr,
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{
    AssertSqlSafe, Connection, PgConnection, SqliteConnection, raw_sql,
    sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::{Result, postgres_server::Server};

/// PostgreSQL with memory for the load, and fsync on as it comes.
const SETTINGS: [&str; 4] = [
    "shared_buffers=512MB",
    "max_wal_size=4GB",
    "maintenance_work_mem=512MB",
    "max_connections=200",
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub const BOTH: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// Makes databases; starts PostgreSQL when the first one needs it.
#[derive(Default)]
pub struct Databases {
    postgres: OnceCell<Server>,
    made: AtomicU32,
}

/// One database, for as long as this is there.
pub struct Database {
    pub engine: Engine,
    pub url: String,
    /// Of SQLite's file.
    _directory: TempDir,
}

/// A connection to load data and to look, beside dwell.
pub enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Databases {
    /// A new one, without a table.
    pub async fn bare(&self, engine: Engine) -> Result<Database> {
        let directory = tempfile::tempdir()?;
        let url = match engine {
            Engine::Sqlite => format!("sqlite://{}", directory.path().join("dwell.db").display()),
            Engine::Postgres => self.postgres_url().await?,
        };
        Ok(Database {
            engine,
            url,
            _directory: directory,
        })
    }

    /// A new one with dwell's tables, and no row.
    pub async fn empty(&self, engine: Engine) -> Result<Database> {
        let database = self.bare(engine).await?;
        let migrated = Command::new(env!("CARGO_BIN_EXE_dwell"))
            .args(["migrate", "--log", "warn"])
            .args(["--database-url", &database.url])
            .stdout(Stdio::null())
            .status()?;
        if !migrated.success() {
            return Err("dwell migrate failed".into());
        }
        Ok(database)
    }

    async fn postgres_url(&self) -> Result<String> {
        let start = async || Server::start(None, &SETTINGS);
        let server = self.postgres.get_or_try_init(start).await?;
        let name = format!("load_{}", self.made.fetch_add(1, Ordering::SeqCst));
        let mut conn = PgConnection::connect(&server.url("postgres")).await?;
        raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .execute(&mut conn)
            .await?;
        conn.close().await?;
        Ok(server.url(&name))
    }
}

impl Database {
    pub async fn connect(&self) -> Result<Conn> {
        Ok(match self.engine {
            Engine::Sqlite => {
                let options = SqliteConnectOptions::from_str(&self.url)?;
                Conn::Sqlite(SqliteConnection::connect_with(&options).await?)
            }
            Engine::Postgres => Conn::Postgres(PgConnection::connect(&self.url).await?),
        })
    }
}

impl Conn {
    pub async fn execute(&mut self, sql: &str) -> Result<()> {
        let sql = raw_sql(AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(conn) => sql.execute(conn).await.map(|_| ())?,
            Self::Postgres(conn) => sql.execute(conn).await.map(|_| ())?,
        }
        Ok(())
    }

    /// The only column of each row, which is text.
    pub async fn texts(&mut self, sql: &str) -> Result<Vec<String>> {
        let sql = AssertSqlSafe(sql.to_owned());
        Ok(match self {
            Self::Sqlite(conn) => sqlx::query_scalar(sql).fetch_all(conn).await?,
            Self::Postgres(conn) => sqlx::query_scalar(sql).fetch_all(conn).await?,
        })
    }

    pub async fn close(self) -> Result<()> {
        match self {
            Self::Sqlite(conn) => conn.close().await?,
            Self::Postgres(conn) => conn.close().await?,
        }
        Ok(())
    }
}
