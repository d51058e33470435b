//! `--read-database-url`, with a real streaming replica.

use std::sync::Arc;

use chrono::NaiveDate;
use dwell::{
    domain::{
        commands::RecordUsage,
        ids::{TenantId, UserId},
        period::DateRange,
        time::{ManualClock, Timestamp},
        usage::UsageIncrement,
    },
    store::{Error, Opened, events::Events, open, points::Outbox},
};
use sqlx::{Connection, Executor, PgConnection, Row};
use uuid::Uuid;

use crate::{
    cluster::{Cluster, query, until},
    support::ids::{CountedIds, tenant},
};

const USER: UserId = UserId(Uuid::from_u128(7));
const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
const RANGE: DateRange = DateRange {
    start: TODAY,
    end: TODAY,
};

/// dwell on a primary and its replica.
struct Served {
    dwell: Opened,
    tenant: TenantId,
}

impl Served {
    async fn on(cluster: &Cluster) -> Self {
        let noon = TODAY.and_hms_opt(12, 0, 0).unwrap().and_utc();
        let clock = Arc::new(ManualClock::at(Timestamp::from(noon)));
        let ids = Arc::new(CountedIds::default());
        let (primary, replica) = (cluster.primary_url(), cluster.replica_url());
        let dwell = open(
            &primary,
            Some(&replica),
            true,
            Outbox::Off,
            Events::Off,
            clock,
            ids,
        )
        .await;
        Self {
            dwell: dwell.unwrap(),
            tenant: tenant(1),
        }
    }

    async fn log_in(&self, times: i64) {
        let command = RecordUsage {
            user_id: USER,
            date: Some(TODAY),
            increment: UsageIncrement {
                login_count: times,
                ..UsageIncrement::default()
            },
            request: None,
        };
        let writer = self.dwell.writer.handle();
        writer.submit(self.tenant, command).await.unwrap();
    }

    /// What a stream reads.
    async fn streamed(&self) -> Result<i64, Error> {
        let store = &self.dwell.store;
        let page = store
            .list_days(self.tenant, RANGE, vec![], None, 10)
            .await?;
        let counts = page.items.iter().map(|day| day.counters.login_count);
        Ok(counts.sum())
    }

    /// What a report reads.
    async fn reported(&self) -> Result<i64, Error> {
        let store = &self.dwell.store;
        let report = store.get_report_data(self.tenant, RANGE, vec![RANGE]);
        Ok(report.await?.days[&TODAY].login_count)
    }

    /// What is read of one user.
    async fn single(&self) -> i64 {
        let store = &self.dwell.store;
        let user = store.get_user_days(self.tenant, USER, RANGE).await.unwrap();
        user.days[0].counters.login_count
    }
}

#[tokio::test]
async fn reads_of_many_users_are_the_replicas_and_single_ones_see_their_own_write() {
    let cluster = Cluster::start();
    let served = Served::on(&cluster).await;
    served.log_in(1).await;
    cluster.caught_up().await;
    assert_eq!(served.streamed().await.unwrap(), 1);
    cluster.pause().await;
    served.log_in(2).await;
    assert_eq!(served.single().await, 3);
    assert_eq!(served.streamed().await.unwrap(), 1);
    assert_eq!(served.reported().await.unwrap(), 1);
    cluster.resume().await;
    cluster.caught_up().await;
    assert_eq!(served.streamed().await.unwrap(), 3);
    assert_eq!(served.reported().await.unwrap(), 3);
}

#[tokio::test]
async fn a_read_that_the_replica_ends_is_begun_again() {
    /// Reads of days wait for the lock on 1.
    const WAIT: &str = "
        CREATE FUNCTION wait() RETURNS boolean LANGUAGE sql VOLATILE
            AS 'SELECT pg_advisory_lock_shared(1); SELECT pg_advisory_unlock_shared(1)';
        ALTER TABLE user_usage_stats RENAME TO days;
        CREATE VIEW user_usage_stats AS SELECT * FROM days WHERE wait();
        GRANT SELECT ON user_usage_stats TO dwell_tenant;";
    let waiting = |but: &str| {
        format!(
            "SELECT COALESCE(MAX(pid::text || query_start), '') FROM pg_stat_activity
             WHERE wait_event = 'advisory' AND pid::text || query_start <> '{but}'"
        )
    };
    let cluster = Cluster::start();
    let served = Arc::new(Served::on(&cluster).await);
    served.log_in(1).await;
    let mut primary = cluster.primary().await;
    primary.execute(WAIT).await.unwrap();
    cluster.caught_up().await;

    let mut replica = cluster.replica().await;
    let at_once = "ALTER SYSTEM SET max_standby_streaming_delay = 0";
    replica.execute(at_once).await.unwrap();
    query(&mut replica, "SELECT pg_reload_conf()").await;
    let set = "SELECT setting = '0' FROM pg_settings WHERE name = 'max_standby_streaming_delay'";
    until(&mut replica, set).await;
    let mut lock = PgConnection::connect(&cluster.replica_url()).await.unwrap();
    query(&mut lock, "SELECT 1 FROM pg_advisory_lock(1)").await;
    let read = tokio::spawn({
        let served = served.clone();
        async move { served.streamed().await }
    });
    until(&mut replica, &format!("SELECT ({}) <> ''", waiting(""))).await;
    let first: String = query(&mut replica, &waiting("")).await.get(0);
    // What the read still sees is taken away under it.
    primary
        .execute("UPDATE days SET login_count = 5")
        .await
        .unwrap();
    primary.execute("VACUUM days").await.unwrap();
    until(&mut replica, &format!("SELECT ({}) <> ''", waiting(&first))).await;
    cluster.caught_up().await;
    query(&mut lock, "SELECT pg_advisory_unlock(1)").await;
    assert_eq!(read.await.unwrap().unwrap(), 5);
}

#[tokio::test]
async fn a_replica_that_is_away_takes_nothing_else_with_it() {
    let mut cluster = Cluster::start();
    let served = Served::on(&cluster).await;
    served.log_in(1).await;
    cluster.caught_up().await;
    assert_eq!(served.reported().await.unwrap(), 1);
    cluster.lose_replica().await;
    // One that began before it was lost, and one that begins without it.
    for served in [served, Served::on(&cluster).await] {
        served.log_in(1).await;
        assert_eq!(served.streamed().await, Err(Error::Unavailable));
        assert_eq!(served.reported().await, Err(Error::Unavailable));
        assert!(served.single().await > 1);
        // What health goes by.
        assert_eq!(served.dwell.store.ping().await, Ok(()));
    }
}
