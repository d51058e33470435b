//! How instances tell each other of events.

use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::time::timeout;

use super::*;
use crate::store::events::Wakes;

/// Those that listen, or have told something since they began to.
const LISTENERS: &str = "FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'dwell'
        AND (query LIKE 'LISTEN%' OR query LIKE 'SELECT pg_notify%')";

/// What takes longer does not come.
const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn what_a_broken_connection_did_not_tell_is_told_by_the_next() {
    let url = pg::database().await;
    let pools = postgres::open(&url, None, true).await.unwrap();
    let mut conn = pools.own().await.unwrap();
    let mut other = PgListener::connect(&url).await.unwrap();
    other.listen(postgres::CHANNEL).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "tests make their tenants")]
    let tenant = TenantId::from_verified(Uuid::nil());
    let wakes = Wakes::default();
    let count = format!("SELECT COUNT(*) {LISTENERS}");
    let end = format!("SELECT pg_terminate_backend(pid) {LISTENERS}");
    // Whether it notices the loss or has something to tell first is left to chance.
    for _ in 0..20 {
        let mut relay = Box::pin(Postgres::relay(pools.readers(), &wakes));
        let listens = async {
            let mut listeners = 0_i64;
            while listeners == 0 {
                let count = sqlx::query_scalar(AssertSqlSafe(count.clone()));
                listeners = count.fetch_one(&mut *conn).await.unwrap();
            }
        };
        tokio::select! {
            ended = &mut relay => panic!("{ended:?}"),
            listening = timeout(LIMIT, listens) => listening.unwrap(),
        }
        conn.execute(AssertSqlSafe(end.clone())).await.unwrap();
        wakes.committed(tenant);
        let told = timeout(LIMIT, async {
            loop {
                tokio::select! {
                    _ = &mut relay => relay = Box::pin(Postgres::relay(pools.readers(), &wakes)),
                    told = other.recv() => return told,
                }
            }
        });
        assert_eq!(
            told.await.unwrap().unwrap().payload(),
            Uuid::nil().to_string()
        );
    }
}
