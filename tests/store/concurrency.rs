//! Many writers at once lose nothing and count nothing twice.

use std::time::Duration;

use dwell::{
    domain::{
        ids::UserId,
        ledger::{Command, Halt, Ledger},
        rejection::{Rejection, UsedId},
        usage::UsageIncrement,
    },
    store::Error,
};
use futures::future::try_join_all;
use sqlx::{Connection, PgConnection, query_scalar};
use uuid::Uuid;

use crate::fixture::{Fixture, MINUTE, not_found, seconds, session, user};

on_both_engines! {
    many_writes_on_few_users_all_count_once
    two_instances_on_one_database_count_once
    two_instances_do_not_write_over_each_other
    a_session_id_that_two_users_start_at_once_goes_to_one
    one_users_writes_keep_their_order
    a_caller_that_goes_away_changes_nothing
    a_closed_writer_has_answered_everyone
    a_refused_write_leaves_the_others_of_its_batch_alone
    a_panic_in_a_batch_fails_its_write_and_leaves_no_transaction_open
}

/// Runs all at once, each in a task of its own.
async fn at_once<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    outcomes
}

async fn many_writes_on_few_users_all_count_once(db: Fixture) {
    let tasks = (0..300_u128).map(|number| {
        let db = db.clone();
        async move {
            let (user, id) = (user(number % 5), session(1_000 + number));
            db.start_as(user, id).await.unwrap();
            db.heartbeat(id).await.unwrap();
            let mut use_once = seconds(10);
            use_once.feature_usage.insert(format!("f{}", number % 3), 1);
            // A retry beside the first try.
            let (first, again) = tokio::join!(
                db.record_once(user, use_once.clone(), number),
                db.record_once(user, use_once, number)
            );
            first.and(again).unwrap();
            let (first, again) = tokio::join!(db.end(id), db.end(id));
            assert_ne!(first.unwrap().already, again.unwrap().already);
        }
    });
    at_once(tasks).await;
    for number in 0..5 {
        let counters = db.counters(user(number), "2026-11-20").await;
        assert_eq!((counters.login_count, counters.sessions_started), (60, 60));
        assert_eq!(counters.sessions_completed, 60);
        assert_eq!(counters.active_seconds, 600);
        assert_eq!(counters.feature_usage.values().sum::<i64>(), 60);
        let summary = db.user(user(number)).await;
        assert_eq!(summary.user.login_count, 60);
        assert_eq!(summary.user.total_usage_seconds, 600);
        assert_eq!(summary.open_sessions, 0);
    }
}

async fn two_instances_on_one_database_count_once(db: Fixture) {
    let instances = [db.second_instance().await, db.clone()];
    let tasks = (0..120_u128).flat_map(|number| {
        instances.clone().map(|db| async move {
            let (user, id) = (user(number % 3), session(1_000 + number));
            let started = db.start_as(user, id).await.unwrap();
            db.record_once(user, seconds(10), number).await.unwrap();
            let ended = db.end(id).await.unwrap();
            (started.created, ended.already)
        })
    });
    let answers = at_once(tasks).await;
    for both in answers.chunks(2) {
        assert_ne!(both[0].0, both[1].0);
        assert_ne!(both[0].1, both[1].1);
    }
    for number in 0..3 {
        let counters = db.counters(user(number), "2026-11-20").await;
        assert_eq!((counters.login_count, counters.sessions_started), (40, 40));
        assert_eq!(counters.sessions_completed, 40);
        assert_eq!(counters.active_seconds, 400);
        assert_eq!(db.user(user(number)).await.user.login_count, 40);
    }
}

async fn two_instances_do_not_write_over_each_other(db: Fixture) {
    let other = db.second_instance().await;
    for _ in 0..60 {
        // No ids that would meet: only the user's lock keeps one from reading what the other
        // is about to write.
        let (one, two) = tokio::join!(
            db.record(user(1), None, seconds(1)),
            other.record(user(1), None, seconds(1))
        );
        one.and(two).unwrap();
    }
    let counters = db.counters(user(1), "2026-11-20").await;
    assert_eq!(counters.active_seconds, 120);
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 120);
}

/// Two transactions that take the same locks in two orders may wait for each other.
#[tokio::test]
async fn a_batch_locks_its_users_in_order() {
    const USERS: u128 = 20;
    const HELD: u128 = 10;
    const WAITING: &str = "SELECT COUNT(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    const FREE: &str = "SELECT id FROM users ORDER BY id FOR UPDATE SKIP LOCKED";
    let db = Fixture::postgres().await;
    for number in 0..USERS {
        db.start_as(user(number), session(number)).await.unwrap();
    }
    let mut conn = PgConnection::connect(&db.url).await.unwrap();
    let mut other = conn.begin().await.unwrap();
    let hold = sqlx::query("SELECT id FROM users WHERE id = $1 FOR UPDATE");
    hold.bind(user(HELD).0).execute(&mut *other).await.unwrap();
    let waits = db.clone();
    let batch = tokio::spawn(async move {
        // The last first.
        let heartbeats = (0..USERS)
            .rev()
            .map(|number| waits.heartbeat(session(number)));
        try_join_all(heartbeats).await
    });
    let mut conn = PgConnection::connect(&db.url).await.unwrap();
    while query_scalar::<_, i64>(WAITING)
        .fetch_one(&mut conn)
        .await
        .unwrap()
        == 0
    {}
    let free: Vec<Uuid> = query_scalar(FREE).fetch_all(&mut conn).await.unwrap();
    // Of those before it, as many as came into the same batch are locked.
    let mut after = (HELD + 1..USERS).map(|number| user(number).0);
    assert!(after.all(|user| free.contains(&user)), "{free:?}");
    other.rollback().await.unwrap();
    batch.await.unwrap().unwrap();
}

async fn a_session_id_that_two_users_start_at_once_goes_to_one(db: Fixture) {
    let taken: Error = Rejection::IdTaken(UsedId::Session).into();
    for round in 0..20 {
        let tasks = (0..2).map(|number| {
            let db = db.clone();
            async move { db.start_as(user(10 * round + number), session(round)).await }
        });
        let answers = at_once(tasks).await;
        let won = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(won, 1);
        let lost = answers.into_iter().find_map(Result::err);
        assert_eq!(lost, Some(taken.clone()));
        let mut logins = 0;
        for number in 0..2 {
            let found = db.find_user(user(10 * round + number)).await;
            logins += found.map_or(0, |summary| summary.user.login_count);
        }
        assert_eq!(logins, 1);
    }
}

async fn one_users_writes_keep_their_order(db: Fixture) {
    db.start_as(user(1), session(1)).await.unwrap();
    db.heartbeat(session(1)).await.unwrap();
    db.pass(MINUTE);
    let (paused, resumed, ended, beat) = tokio::join!(
        db.pause(session(1)),
        db.resume(session(1)),
        db.end(session(1)),
        db.heartbeat(session(1))
    );
    assert!(paused.is_ok() && resumed.is_ok() && beat.is_err());
    let view = ended.unwrap().view;
    assert_eq!(view.duration, Duration::from_secs(MINUTE));
}

async fn a_caller_that_goes_away_changes_nothing(db: Fixture) {
    for number in 0..50 {
        let write = db.record(user(number), None, seconds(1));
        // Polled once, it is queued; then its caller is gone.
        let _ = futures::FutureExt::now_or_never(write);
    }
    // Behind them in every lane.
    for number in 0..50 {
        db.record(user(number), None, seconds(1)).await.unwrap();
        let counters = db.counters(user(number), "2026-11-20").await;
        assert_eq!(counters.active_seconds, 2);
    }
}

async fn a_closed_writer_has_answered_everyone(db: Fixture) {
    let tasks: Vec<_> = (0..100)
        .map(|number| {
            let db = db.clone();
            tokio::spawn(async move { db.record(user(number), None, seconds(1)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let store = db.store.clone();
    let (tenant, now) = (db.tenant, db.now());
    db.close().await;
    let mut written = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => written += 1,
            Err(error) => assert_eq!(error, Error::ShuttingDown),
        }
    }
    let page = store.list_users(tenant, None, None, 1_000, now).await;
    assert_eq!(page.unwrap().items.len(), written);
}

async fn a_refused_write_leaves_the_others_of_its_batch_alone(db: Fixture) {
    let negative = UsageIncrement {
        active_seconds: -1,
        ..UsageIncrement::default()
    };
    let writes = (0..40).map(|number| {
        let increment = if number == 17 {
            negative.clone()
        } else {
            seconds(1)
        };
        db.record(user(number), None, increment)
    });
    let answers = futures::future::join_all(writes).await;
    // Callers validate before they write; here the database's own check refuses.
    let refused = |answer: &Result<_, Error>| matches!(answer, Err(Error::Internal { .. }));
    assert!(refused(&answers[17]), "{:?}", answers[17]);
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 39);
    assert_eq!(db.find_user(user(17)).await, None);
    assert_eq!(db.heartbeat(session(404)).await.unwrap_err(), not_found());
}

/// Panics where it is decided, after what it asks for was locked.
struct Panic(UserId);

impl Command for Panic {
    type Outcome = ();

    fn user(&self) -> Option<UserId> {
        Some(self.0)
    }

    fn decide(&self, ledger: &mut Ledger) -> Result<(), Halt> {
        ledger.locks.get(self.0)?;
        panic!("as told");
    }
}

async fn a_panic_in_a_batch_fails_its_write_and_leaves_no_transaction_open(db: Fixture) {
    db.record(user(1), None, seconds(1)).await.unwrap();
    // More than there are connections to leave behind.
    for round in 1..=10 {
        let (before, panicked, after) = tokio::join!(
            db.record(user(1), None, seconds(1)),
            db.submit(Panic(user(1))),
            db.record(user(1), None, seconds(1))
        );
        assert!(matches!(panicked, Err(Error::Internal { .. })));
        before.and(after).unwrap();
        let counters = db.counters(user(1), "2026-11-20").await;
        assert_eq!(counters.active_seconds, 1 + 2 * round);
    }
}
