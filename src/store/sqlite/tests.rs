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
