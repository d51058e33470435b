//! `dwell migrate`, as an operator runs it.

use sqlx::{Connection, Executor, PgConnection, Row, SqliteConnection};
use tempfile::TempDir;

use crate::{
    commands::{run, sqlite, well},
    support::postgres,
};

const UP_TO_DATE: &str = "nothing to apply: the schema is up to date\n";

fn dry_run(url: &str) -> String {
    well(&["migrate", "--dry-run", "--database-url", url])
}

#[tokio::test]
async fn a_dry_run_tells_what_would_be_applied_and_applies_nothing() {
    let dir = TempDir::new().unwrap();
    let empty = postgres::database().await;
    for url in [sqlite(dir.path()), empty.clone()] {
        let told = dry_run(&url);
        assert!(told.starts_with("would apply 0001 sessions and usage\nwould apply 0002 "));
        assert!(told.contains("would apply 0009 row security\n"));
        assert_eq!(dry_run(&url), told);
    }
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    let mut conn = PgConnection::connect(&empty).await.unwrap();
    let count = "SELECT COUNT(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    let made: i64 = conn.fetch_one(count).await.unwrap().get(0);
    assert_eq!(made, 0);
}

#[tokio::test]
async fn what_is_applied_is_not_told_again() {
    let dir = TempDir::new().unwrap();
    let file = sqlite(dir.path());
    let server = postgres::database().await;
    for url in [&file, &server] {
        well(&["migrate", "--database-url", url]);
        assert_eq!(dry_run(url), UP_TO_DATE);
    }
    let mut conn = SqliteConnection::connect(&file).await.unwrap();
    let forget = "DELETE FROM _sqlx_migrations WHERE version = (
        SELECT MAX(version) FROM _sqlx_migrations)";
    conn.execute(forget).await.unwrap();
    assert_eq!(dry_run(&file).lines().count(), 1);

    let dry_run = ["migrate", "--dry-run", "--database-url", &server];
    let mut conn = PgConnection::connect(&server).await.unwrap();
    for (change, told) in [
        (
            "UPDATE _sqlx_migrations SET checksum = '' WHERE version = 2",
            "migration 2 was previously applied but has been modified",
        ),
        (
            "UPDATE _sqlx_migrations SET version = 99 WHERE version = 2",
            "migration 99 was previously applied but is missing",
        ),
        (
            "DELETE FROM _sqlx_migrations; DROP TABLE _sqlx_migrations",
            "",
        ),
    ] {
        conn.execute(change).await.unwrap();
        let (_, complaint, code) = run(&dry_run);
        assert!(complaint.contains(told), "{complaint}");
        assert_eq!(code, Some(i32::from(!told.is_empty())), "{complaint}");
    }
}
