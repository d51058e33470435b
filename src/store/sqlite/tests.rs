//! What sqlx does not know of SQLite.

use std::collections::BTreeMap;

use tempfile::TempDir;

use super::*;

#[tokio::test]
async fn a_transaction_that_ended_by_itself_is_in_nobodys_way() {
    /// Ends the transaction the second time, as a write does for which there is no room.
    const FAIL: &str = "INSERT OR ROLLBACK INTO service_keys (name, key) VALUES ('a', x'00')";
    let dir = TempDir::new().unwrap();
    let url = format!("sqlite://{}", dir.path().join("db").display());
    let pools = open(&url, true).await.unwrap();
    let nobody = BTreeMap::new();
    for _ in 0..3 {
        let mut tx = pools.write(&nobody).await.unwrap();
        tx.execute(FAIL).await.unwrap();
        tx.execute(FAIL).await.unwrap_err();
        // What sqlx takes for an open transaction is to be rolled back, which fails.
        drop(tx);
        let mut tx = pools.write(&nobody).await.unwrap();
        let found = tx.fetch_all("SELECT name FROM service_keys").await;
        assert_eq!(found.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn what_is_in_the_log_is_written_back_beside_the_batches() {
    const NAME: &str = "to be found in the file";
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("db");
    let url = format!("sqlite://{}", path.display());
    let pools = open(&url, true).await.unwrap();
    let logged = Semaphore::new(0);
    let is_in_file = || {
        let file = std::fs::read(&path).unwrap();
        file.windows(NAME.len()).any(|part| part == NAME.as_bytes())
    };
    let insert = format!("INSERT INTO service_keys (name, key) VALUES ('{NAME}', x'00')");
    let mut conn = pools.own().await.unwrap();
    conn.execute(AssertSqlSafe(insert)).await.unwrap();
    assert!(!is_in_file());
    logged.add_permits(usize::try_from(WRITTEN_BACK).unwrap());
    // A batch has the only connection that writes.
    conn.execute("BEGIN IMMEDIATE").await.unwrap();
    let written = async {
        while !is_in_file() {
            tokio::task::yield_now().await;
        }
    };
    let soon = tokio::time::timeout(Duration::from_secs(10), written);
    tokio::select! {
        done = Sqlite::write_back(pools.writers(), &logged) => panic!("{done:?}"),
        found = soon => found.unwrap(),
    }
    conn.execute("ROLLBACK").await.unwrap();
}
