//! `dwell check`, as an operator runs it.

use std::process::Command;

use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::{
    cluster::{Cluster, query},
    commands,
    support::postgres::{self, server::Server},
};

/// What it prints, and whether it finds all well.
fn dwell(args: &[&str]) -> (String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dwell"));
    let output = command.args(args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    (text, output.status.success())
}

fn check(args: &[&str]) -> (Vec<String>, bool) {
    let (text, well) = dwell(&[&["check"], args].concat());
    let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    (text.lines().map(squeezed).collect(), well)
}

#[test]
fn sqlite_before_and_after_it_is_made() {
    let dir = TempDir::new().unwrap();
    let url = format!("sqlite://{}", dir.path().join("db").display());
    let (lines, well) = check(&["--database-url", &url]);
    assert_eq!(lines[0], "ok configuration goes together");
    assert!(lines[1].starts_with("fail database "), "{lines:?}");
    assert_eq!(
        lines[2],
        "ok points are not delivered: there is no --points-url"
    );
    assert_eq!((lines.len(), well), (3, false));
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);

    assert!(dwell(&["migrate", "--database-url", &url]).1);
    let (lines, well) = check(&["--database-url", &url]);
    assert!(lines[1].starts_with("ok database SQLite 3."), "{lines:?}");
    assert!(lines[2].starts_with("ok schema version "), "{lines:?}");
    let clock = "ok clock the database's is +0.000 s from this machine's";
    assert_eq!(lines[3], clock);
    assert_eq!(lines[4], "ok durability journal_mode wal, synchronous 2");
    assert_eq!((lines.len(), well), (6, true));
}

#[tokio::test]
async fn a_schema_that_is_not_there_is_said_to_be_missing() {
    let url = postgres::database().await;
    let (lines, well) = check(&["--database-url", &url]);
    assert!(lines[1].starts_with("ok database PostgreSQL "), "{lines:?}");
    assert!(
        lines[2].starts_with("fail schema version 0 of "),
        "{lines:?}"
    );
    assert!(lines[3].starts_with("ok clock the database's is "));
    // The tests' server takes risks.
    assert!(
        lines[4].starts_with("fail durability fsync off,"),
        "{lines:?}"
    );
    assert!(!well);
}

#[tokio::test]
async fn a_schema_of_the_future_tells_of_a_clock_that_is_behind() {
    let dir = TempDir::new().unwrap();
    let url = format!("sqlite://{}", dir.path().join("db").display());
    assert!(dwell(&["migrate", "--database-url", &url]).1);
    let mut conn = SqliteConnection::connect(&url).await.unwrap();
    let later = "UPDATE _sqlx_migrations SET installed_on = datetime('now', '+1 hour')";
    conn.execute(later).await.unwrap();
    let (lines, well) = check(&["--database-url", &url]);
    assert!(
        lines[3].starts_with("fail clock the database's is +3"),
        "{lines:?}"
    );
    assert!(!well);
}

#[tokio::test]
async fn a_server_that_may_lose_writes_is_warned_of_at_the_start() {
    let risky = "a crash loses writes that were answered";
    let url = postgres::database().await;
    let (_, log, _) = commands::run(&["migrate", "--database-url", &url]);
    assert!(log.contains("WARN") && log.contains(risky), "{log}");

    let server = Server::start(None, &[]).unwrap();
    let url = server.url("postgres");
    let (_, log, _) = commands::run(&["migrate", "--database-url", &url]);
    assert!(!log.contains(risky), "{log}");
    let mut conn = PgConnection::connect(&url).await.unwrap();
    let careless = "ALTER DATABASE postgres SET synchronous_commit = off";
    conn.execute(careless).await.unwrap();
    let (_, log, _) = commands::run(&["migrate", "--database-url", &url]);
    assert!(
        log.contains("synchronous_commit off") && log.contains(risky),
        "{log}"
    );
}

#[tokio::test]
async fn a_replica_is_as_old_as_what_it_has_not_replayed() {
    let mut cluster = Cluster::start();
    let (primary, replica) = (cluster.primary_url(), cluster.replica_url());
    assert!(dwell(&["migrate", "--database-url", &primary]).1);
    let urls = ["--database-url", &primary, "--read-database-url", &replica];
    let lag = || check(&urls).0.swap_remove(6);
    let bytes = || -> u64 {
        let line = lag();
        let words: Vec<_> = line.split(' ').collect();
        assert_eq!(words[..2], ["ok", "replica"], "{line}");
        words[5].parse().unwrap()
    };

    cluster.caught_up().await;
    // The primary writes a few of its own from time to time.
    assert!(bytes() < 10_000);
    cluster.pause().await;
    let mut conn = cluster.primary().await;
    let news = "SELECT pg_logical_emit_message(true, '', repeat('news', 2500))";
    query(&mut conn, news).await;
    assert!(bytes() > 10_000);

    let swapped = ["--database-url", &replica, "--read-database-url", &primary];
    let (lines, _) = check(&swapped);
    assert!(lines[1].starts_with("fail database ") && lines[1].ends_with("takes no writes"));
    let elsewhere = postgres::database().await;
    let (lines, _) = check(&[
        "--database-url",
        &elsewhere,
        "--read-database-url",
        &replica,
    ]);
    assert_eq!(lines[5], "fail replica is not of this database's server");
    let (lines, _) = check(&["--database-url", &primary, "--read-database-url", &primary]);
    assert_eq!(lines[6], "fail replica is no standby");
    cluster.lose_replica().await;
    assert!(lag().starts_with("fail replica "));
}

#[tokio::test]
async fn a_table_whose_rows_are_not_kept_apart_is_found() {
    let url = postgres::database().await;
    let urls = ["--database-url", &url];
    assert!(dwell(&["migrate", "--database-url", &url]).1);
    let (lines, _) = check(&urls);
    let apart = "ok row security forced on every table of a tenant's";
    assert_eq!(lines[3], apart);
    let mut conn = PgConnection::connect(&url).await.unwrap();
    let later = "CREATE TABLE a_later_one (tenant_id uuid NOT NULL PRIMARY KEY)";
    conn.execute(later).await.unwrap();
    let (lines, well) = check(&urls);
    let open = "fail row security row security is not forced on a_later_one";
    assert_eq!((&*lines[3], well), (open, false));
}

#[test]
fn settings_that_do_not_go_together_are_found() {
    let (lines, well) = check(&[
        "--listen",
        "0.0.0.0:0",
        "--database-url",
        "sqlite:///nowhere/db",
    ]);
    assert!(
        lines[0].starts_with("fail configuration --auth none"),
        "{lines:?}"
    );
    assert!(!well);
}
