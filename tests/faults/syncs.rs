//! A write that was answered was synced before: there are at least as many syncs as batches, and
//! the counting sees when there are none.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use sqlx::{Connection, PgConnection, query_scalar};
use tempfile::TempDir;
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    dwell::{Dwell, built},
    engine::Engine,
    ledger::{Call, Outcome},
    load::tenant,
    send::send,
    server::Server,
};

/// By one caller, one after the other: so each is a batch of its own.
const CALLS: u64 = 50;

/// Logs in so many times, each of which is acknowledged.
async fn log_in(dwell: &Dwell) {
    let (channel, user) = (dwell.channel(), Uuid::from_u128(1));
    for number in 0..CALLS {
        let session = Uuid::from_u128(1_000 + u128::from(number));
        let outcome = send(&channel, tenant(1), user, &Call::Start { session }).await;
        assert!(matches!(outcome, Outcome::Acknowledged(_)), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_syncs_each_batch() {
    let engine = Engine::sqlite();
    let (traced, calls) = (engine.file("traced"), engine.file("calls"));
    // -D: the process that is started is dwell, so that it ends as others do.
    let script = format!(
        "#!/bin/sh\nexec strace -D -f -qq -e trace=fsync,fdatasync -o {} {} \"$@\"\n",
        calls.display(),
        built().display()
    );
    fs::write(&traced, script).unwrap();
    fs::set_permissions(&traced, fs::Permissions::from_mode(0o755)).unwrap();
    let dwell = Dwell::start(&traced, &engine.url, &[], &engine.file("log"));
    let before = count_traced(&calls);
    log_in(&dwell).await;
    let syncs = count_traced(&calls) - before;
    println!("SQLite: {syncs} syncs for {CALLS} batches");
    assert!(syncs >= CALLS, "{syncs} syncs for {CALLS} batches");
}

fn count_traced(calls: &Path) -> u64 {
    let calls = fs::read_to_string(calls).unwrap();
    let syncs = calls.lines().filter(|line| line.contains("sync("));
    u64::try_from(syncs.count()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_syncs_each_batch() {
    let syncs = syncs_of_postgres("fsync=on").await;
    println!("PostgreSQL: {syncs} syncs for {CALLS} batches");
    assert!(syncs >= CALLS, "{syncs} syncs for {CALLS} batches");
    // The same counting, where it is to find none.
    let syncs = syncs_of_postgres("fsync=off").await;
    println!("PostgreSQL with fsync=off: {syncs} syncs for {CALLS} batches");
    assert!(syncs < CALLS, "syncs are counted that were not made");
}

async fn syncs_of_postgres(setting: &str) -> u64 {
    let server = Server::start(None, &[setting, "autovacuum=off"]).unwrap();
    let (url, dir) = (server.url("postgres"), TempDir::new().unwrap());
    let start = || Dwell::start(built(), &url, &[], &dir.path().join("log"));
    // Makes the schema.
    assert!(start().terminate().await.success());
    let before = count_of_postgres(&url).await;
    let dwell = start();
    log_in(&dwell).await;
    assert!(dwell.terminate().await.success());
    count_of_postgres(&url).await - before
}

/// What the server's processes have told of their syncs: each does so at its end at the latest.
async fn count_of_postgres(url: &str) -> u64 {
    const ENDED: &str =
        "SELECT COUNT(*) = 0 FROM pg_stat_activity WHERE application_name = 'dwell'";
    const COUNT: &str = "SELECT wal_sync FROM pg_stat_wal";
    let mut conn = PgConnection::connect(url).await.unwrap();
    while !query_scalar::<_, bool>(ENDED)
        .fetch_one(&mut conn)
        .await
        .unwrap()
    {
        sleep(Duration::from_millis(10)).await;
    }
    let count: i64 = query_scalar(COUNT).fetch_one(&mut conn).await.unwrap();
    count.unsigned_abs()
}
