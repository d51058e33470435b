//! A PostgreSQL server and its streaming replica.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, postgres::PgRow};
use tokio::time::timeout;

use crate::support::postgres::server::Server;

const PATIENCE: Duration = Duration::from_mins(1);

/// A server, and a replica that follows it until [`Cluster::lose_replica`].
pub struct Cluster {
    primary: Server,
    replica: Option<Server>,
    replica_url: String,
    watch_url: String,
}

impl Cluster {
    pub fn start() -> Self {
        let primary = Server::start(None, &["fsync=off", "autovacuum=off"]).unwrap();
        let replica = Server::start(Some(&primary), &["fsync=off"]).unwrap();
        Self {
            primary,
            replica_url: replica.url("postgres"),
            watch_url: replica.url("template1"),
            replica: Some(replica),
        }
    }

    pub fn primary_url(&self) -> String {
        self.primary.url("postgres")
    }

    pub fn replica_url(&self) -> String {
        self.replica_url.clone()
    }

    pub async fn primary(&self) -> PgConnection {
        PgConnection::connect(&self.primary_url()).await.unwrap()
    }

    /// A connection from which to look at the replica. It is to another database, as what is
    /// replayed ends queries to its own.
    pub async fn replica(&self) -> PgConnection {
        PgConnection::connect(&self.watch_url).await.unwrap()
    }

    /// Returns when the replica has all that the primary has.
    pub async fn caught_up(&self) {
        let mut primary = self.primary().await;
        let row = query(&mut primary, "SELECT pg_current_wal_lsn()::text").await;
        let end: String = row.get(0);
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'");
        until(&mut self.replica().await, &replayed).await;
    }

    /// The replica stays as it is from now on, until [`Cluster::resume`].
    pub async fn pause(&self) {
        let mut replica = self.replica().await;
        query(&mut replica, "SELECT pg_wal_replay_pause()").await;
        let paused = "SELECT pg_get_wal_replay_pause_state() = 'paused'";
        until(&mut replica, paused).await;
    }

    pub async fn resume(&self) {
        let mut replica = self.replica().await;
        query(&mut replica, "SELECT pg_wal_replay_resume()").await;
    }

    /// Returns when the replica is gone.
    pub async fn lose_replica(&mut self) {
        self.replica = None;
        while PgConnection::connect(&self.replica_url).await.is_ok() {}
    }
}

pub async fn query(conn: &mut PgConnection, sql: &str) -> PgRow {
    let query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    query.fetch_one(conn).await.unwrap()
}

/// Asks until the answer is yes. One that never comes fails the test.
pub async fn until(conn: &mut PgConnection, sql: &str) {
    let asked = async { while !query(conn, sql).await.get::<bool, _>(0) {} };
    timeout(PATIENCE, asked).await.expect(sql);
}
