//! Commits whose answers are lost.

use std::{collections::BTreeMap, process::Command, sync::Arc};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::{
    domain::{ids::RandomIds, time::ManualClock},
    store::{
        points::Outbox,
        postgres,
        sql::{
            SqlStore,
            dialect::Write,
            pools::{Pools, Tx},
            tests::pg,
        },
        sqlite,
        writer::{Apply, Failure},
    },
};

#[expect(clippy::disallowed_methods, reason = "tests make their tenants")]
const ONE: TenantId = TenantId::from_verified(Uuid::from_u128(1));

/// Leaves a mark, and nothing else.
async fn leave<DB: Dialect>(tx: &mut Tx<DB>, commit: &Commit) {
    let rows = columns(Some(commit), Timestamp::FIRST);
    let writes = [Write::new(UPSERT_MARKS, rows)];
    let written = DB::write_all(tx, commit.tenant, None, &writes).await;
    assert_eq!(written.unwrap().rows, 1);
}

fn failed(settled: &Result<Settled, Failure>) -> &'static str {
    match settled {
        Ok(_) => "settled",
        Err(Failure::Contention) => "contention",
        Err(Failure::Unavailable(_)) => "unavailable",
        Err(_) => "another failure",
    }
}

fn store_on<DB: Dialect>(pools: Pools<DB>) -> SqlStore<DB> {
    let clock = Arc::new(ManualClock::at(Timestamp::FIRST));
    SqlStore::new(pools, Outbox::Off, clock, Arc::new(RandomIds))
}

/// A transaction of the tenant's.
async fn begin<DB: Dialect>(store: &SqlStore<DB>) -> Tx<DB> {
    let tenants = BTreeMap::from([(ONE, false)]);
    store.pools.write(&tenants).await.unwrap()
}

async fn settles_by_its_mark<DB: Dialect>(pools: Pools<DB>) -> SqlStore<DB> {
    let store = store_on(pools);
    // A writer's first transaction, and a later one, which has the row of the first.
    for _ in 0..2 {
        for settled in [Settled::Committed, Settled::RolledBack] {
            let commit = store.marks.next(ONE);
            let mut tx = begin(&store).await;
            leave(&mut tx, &commit).await;
            match settled {
                Settled::Committed => tx.commit().await.unwrap(),
                Settled::RolledBack => tx.rollback().await.unwrap(),
            }
            assert_eq!(store.settle(&commit).await.unwrap(), settled);
            // To ask changes nothing.
            assert_eq!(store.settle(&commit).await.unwrap(), settled);
        }
        store.marks.renew(Uuid::from_u128(7));
    }
    // None of these may be taken for another's.
    let [first, second] = [(); 2].map(|()| store.marks.next(ONE));
    let mut tx = begin(&store).await;
    leave(&mut tx, &second).await;
    tx.commit().await.unwrap();
    assert_eq!(failed(&store.settle(&first).await), "unavailable");
    let others = Commit {
        writer: Uuid::from_u128(8),
        ..second
    };
    assert_eq!(store.settle(&others).await.unwrap(), Settled::RolledBack);
    store
}

#[tokio::test]
async fn a_commit_in_doubt_is_known_by_its_mark_on_sqlite() {
    let dir = TempDir::new().unwrap();
    let url = format!("sqlite://{}", dir.path().join("db").display());
    settles_by_its_mark(sqlite::open(&url, true).await.unwrap()).await;
}

#[tokio::test]
async fn a_commit_in_doubt_is_known_by_its_mark_on_postgres() {
    let url = pg::database().await;
    let pools = postgres::open(&url, None, true).await.unwrap();
    let store = settles_by_its_mark(pools).await;
    // A writer's first one too is waited for, and nothing is told before it is over.
    store.marks.renew(Uuid::from_u128(9));
    for _ in 0..2 {
        let commit = store.marks.next(ONE);
        let mut tx = begin(&store).await;
        leave(&mut tx, &commit).await;
        assert_eq!(failed(&store.settle(&commit).await), "contention");
        tx.commit().await.unwrap();
        let settled = store.settle(&commit).await.unwrap();
        assert_eq!(settled, Settled::Committed);
    }
}

/// A server that crashed gives an id that never reached its log to another transaction.
#[tokio::test]
async fn what_a_crash_undid_is_not_taken_for_what_came_after_it() {
    let server = pg::server::Server::start(None, &["wal_writer_delay=10s"]).unwrap();
    let pools = postgres::open(&server.url("postgres"), None, true).await;
    let store = store_on(pools.unwrap());
    let commit = store.marks.next(ONE);
    let mut tx = begin(&store).await;
    leave(&mut tx, &commit).await;
    let of_ours = "SELECT pg_current_xact_id()::text AS id, pg_backend_pid() AS process";
    let row = sqlx::query(of_ours).fetch_one(&mut *tx).await.unwrap();
    let (ours, process): (String, i32) = (row.get("id"), row.get("process"));
    let url = server.url("postgres");
    let mut witness = PgConnection::connect(&url).await.unwrap();
    let process = process.to_string();
    let killed = Command::new("kill").args(["-KILL", &process]).status();
    assert!(killed.unwrap().success());
    drop(tx);

    // All other connections end with it.
    while witness.ping().await.is_ok() {}
    let mut conn = loop {
        if let Ok(conn) = PgConnection::connect(&url).await {
            break conn;
        }
    };
    // Now ours is said to be committed.
    let another = "CREATE TABLE another (); DROP TABLE another";
    let status = format!("SELECT pg_xact_status('{ours}'::xid8) AS status");
    for _ in 0..100 {
        conn.execute(another).await.unwrap();
    }
    let row = sqlx::query(AssertSqlSafe(status))
        .fetch_one(&mut conn)
        .await;
    assert_eq!(row.unwrap().get::<&str, _>("status"), "committed");
    let settled = loop {
        // Connections that the crash ended are found out by being used.
        if let Ok(settled) = store.settle(&commit).await {
            break settled;
        }
    };
    assert_eq!(settled, Settled::RolledBack);
}
