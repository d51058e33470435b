//! How instances tell each other of events.

use std::time::Duration;

use sqlx::postgres::PgListener;

use super::*;
use crate::store::events::Wakes;

const COUNT_LISTENERS: &str = "SELECT COUNT(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'dwell' AND query LIKE 'LISTEN%'";
const END_LISTENERS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'dwell' AND query LIKE 'LISTEN%'";

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
    // Whether it notices the loss or has something to tell first is left to chance.
    for _ in 0..20 {
        let mut relay = Box::pin(Postgres::relay(pools.readers(), &wakes));
        let listens = async {
            let mut listeners = 0_i64;
            while listeners == 0 {
                let count = sqlx::query_scalar(COUNT_LISTENERS).fetch_one(&mut *conn);
                listeners = count.await.unwrap();
            }
        };
        tokio::select! {
            ended = &mut relay => panic!("{ended:?}"),
            () = listens => {}
        }
        conn.execute(END_LISTENERS).await.unwrap();
        wakes.committed(tenant);
        let told = tokio::time::timeout(Duration::from_secs(20), async {
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
