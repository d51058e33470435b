//! For whom a transaction acts, and on what connection.

use futures::future::try_join_all;
use tokio::task::yield_now;

use super::*;

/// The tenants that a statement sees which does not say whose it is for.
async fn seen(mut tx: Tx<Postgres>) -> Vec<Uuid> {
    let query = Query::<Postgres>::new("SELECT tenant_id FROM tenants ORDER BY tenant_id");
    let rows = query.fetch(&mut tx).await.unwrap();
    let ids = rows.iter().map(|row| get::<Postgres, _>(row, "tenant_id"));
    ids.collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn postgres_shows_a_transaction_what_is_for_whom_it_acts() {
    let url = pg::database().await;
    let pools = postgres::open(&url, Some(&url), true).await.unwrap();
    let ids = [Uuid::from_u128(1), Uuid::from_u128(2)];
    let [first, second] = ids.map(tenant);
    let both = BTreeMap::from([(first, false), (second, true)]);
    let defaults = TenantSettings::default();
    let insert = async |tx: &mut Tx<Postgres>, id| {
        let sql = tenants::INSERT_TENANT;
        tenants::write::<Postgres>(tx, id, sql, &defaults, Timestamp::FIRST).await
    };
    let mut tx = pools.write(&both).await.unwrap();
    insert(&mut tx, first).await.unwrap();
    Postgres::act_for(&mut tx, second).await.unwrap();
    insert(&mut tx, second).await.unwrap();
    assert!(insert(&mut tx, first).await.is_err());
    drop(tx);
    for id in [first, second] {
        let mut tx = pools.write(&BTreeMap::from([(id, false)])).await.unwrap();
        insert(&mut tx, id).await.unwrap();
        tx.commit().await.unwrap();
    }

    assert_eq!(seen(pools.write(&both).await.unwrap()).await, [ids[0]]);
    let reader = Reader::Tenant(second);
    assert_eq!(seen(pools.read(reader).await.unwrap()).await, [ids[1]]);
    let replica = pools.read_replica(reader).await.unwrap();
    assert_eq!(seen(replica).await, [ids[1]]);
    assert_eq!(seen(pools.read(Reader::Jobs).await.unwrap()).await, ids);
}

/// Writes its tenant's row, and nothing else.
struct Appear(TenantId, Wait);

impl Job for Appear {
    fn tenant(&self) -> TenantId {
        self.0
    }

    fn changes_tenant(&self) -> bool {
        false
    }

    fn user(&self) -> Option<UserId> {
        None
    }

    fn wait(&self) -> &Wait {
        &self.1
    }

    fn decide(&mut self, _: &mut Ledger) -> bool {
        true
    }

    fn answer(self: Box<Self>) {}

    fn fail(self: Box<Self>, _: Error) {}
}

#[tokio::test]
async fn a_batch_of_several_tenants_is_one_transaction() {
    let url = pg::database().await;
    let pools = postgres::open(&url, None, true).await.unwrap();
    let clock = Arc::new(ManualClock::at(Timestamp::FIRST));
    let store = SqlStore::new(pools, Outbox::Off, Events::Off, clock, Arc::new(RandomIds));
    let ids = [1, 2, 3].map(Uuid::from_u128);
    let mut jobs = ids.map(|id| -> Box<dyn Job> { Box::new(Appear(tenant(id), Wait::begin())) });
    // What is refused would be cut in two, and done all the same.
    store.apply(&mut jobs).await.unwrap();
    let tx = store.pools.read(Reader::Jobs).await.unwrap();
    assert_eq!(seen(tx).await, ids);
}

const END_OTHERS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test]
async fn who_reads_is_given_a_connection_that_is_there() {
    let url = pg::database().await;
    let pools = postgres::open(&url, None, true).await.unwrap();
    let mut conn = pools.own().await.unwrap();
    let readers = try_join_all((0..4).map(|_| pools.read(Reader::Jobs)));
    drop(readers.await.unwrap());
    while pools.readers().num_idle() < 4 {
        yield_now().await;
    }
    // Until none is left.
    while conn.execute(END_OTHERS).await.unwrap().rows_affected() > 0 {}
    let readers = try_join_all((0..4).map(|_| pools.read(Reader::Jobs)));
    readers.await.unwrap();
}
