//! Recording usage.

use std::collections::BTreeMap;

use dwell::{
    domain::{
        commands::ForgetRequests,
        ids::RequestId,
        rejection::{Rejection, UsedId},
        usage::{MAX_DAILY, MAX_FEATURES, UsageCounters, UsageIncrement},
    },
    store::Error,
};
use uuid::Uuid;

use crate::fixture::{Fixture, HOUR, at, day, days, invalid_field, on_days, seconds, user};

on_both_engines! {
    amounts_add_up_by_day
    features_add_up_by_name
    usage_counts_for_the_user_too
    a_request_id_counts_once
    a_repeated_request_returns_the_row_of_its_own_day
    another_request_under_the_same_id_is_refused
    duplicate_request_in_one_batch_counts_once
    requests_before_a_time_are_listed_oldest_first_and_forgotten
    a_date_is_at_most_one_day_ahead
    a_full_counter_refuses_more_and_changes_nothing
    a_day_keeps_a_limited_number_of_features
    usage_of_the_past_makes_nobody_active_now
    usage_on_the_first_and_the_last_date_is_kept
}

fn features(names: &[(&str, i64)]) -> BTreeMap<String, i64> {
    names
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

fn some_of_everything() -> UsageIncrement {
    UsageIncrement {
        login_count: 1,
        active_seconds: 61,
        simulation_runs: 2,
        documents_accessed: 3,
        feature_usage: features(&[("export", 4)]),
    }
}

async fn amounts_add_up_by_day(db: Fixture) {
    for _ in 0..3 {
        db.record(user(1), Some("2026-11-19"), some_of_everything())
            .await
            .unwrap();
    }
    let row = db.record(user(1), None, seconds(5)).await.unwrap();
    assert_eq!((row.user_id, row.date), (user(1), day("2026-11-20")));
    assert_eq!(row.updated_at, db.now());
    assert_eq!(
        db.counters(user(1), "2026-11-19").await,
        UsageCounters {
            login_count: 3,
            active_seconds: 183,
            simulation_runs: 6,
            documents_accessed: 9,
            feature_usage: features(&[("export", 12)]),
            sessions_started: 0,
            sessions_completed: 0,
        }
    );
    assert_eq!(db.days(user(1)).await[1], row);
}

async fn features_add_up_by_name(db: Fixture) {
    let uses = |names: &[(&str, i64)]| UsageIncrement {
        feature_usage: features(names),
        ..UsageIncrement::default()
    };
    db.record(user(1), None, uses(&[("a", 1), ("b", 2)]))
        .await
        .unwrap();
    let row = db
        .record(user(1), None, uses(&[("b", 3), ("c/d:e", 4)]))
        .await;
    let expected = features(&[("a", 1), ("b", 5), ("c/d:e", 4)]);
    assert_eq!(row.unwrap().counters.feature_usage, expected);
    let stored = db.counters(user(1), "2026-11-20").await;
    assert_eq!(stored.feature_usage, expected);
}

async fn usage_counts_for_the_user_too(db: Fixture) {
    db.record(user(1), None, some_of_everything())
        .await
        .unwrap();
    db.record(user(1), Some("2026-11-18"), some_of_everything())
        .await
        .unwrap();
    let known = db.user(user(1)).await.user;
    assert_eq!((known.login_count, known.total_usage_seconds), (2, 122));
    assert_eq!(known.last_active_at, db.now());
    assert_eq!(known.first_seen_at, at("2026-11-18T00:00:00Z"));
}

async fn a_request_id_counts_once(db: Fixture) {
    let first = db.record_once(user(1), seconds(60), 7).await.unwrap();
    db.pass(HOUR);
    let again = db.record_once(user(1), seconds(60), 7).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(db.counters(user(1), "2026-11-20").await.active_seconds, 60);
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 60);
    // Without an id each one counts.
    db.record(user(1), None, seconds(60)).await.unwrap();
    assert_eq!(db.counters(user(1), "2026-11-20").await.active_seconds, 120);
}

async fn a_repeated_request_returns_the_row_of_its_own_day(db: Fixture) {
    db.record_once(user(1), seconds(60), 7).await.unwrap();
    db.record(user(1), None, seconds(1)).await.unwrap();
    db.pass(24 * HOUR);
    let again = db.record_once(user(1), seconds(60), 7).await.unwrap();
    assert_eq!(again.date, day("2026-11-20"));
    assert_eq!(again.counters.active_seconds, 61);
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[("2026-11-20", 61)])
    );
}

async fn another_request_under_the_same_id_is_refused(db: Fixture) {
    let taken: Error = Rejection::IdTaken(UsedId::Request).into();
    db.record_once(user(1), seconds(60), 7).await.unwrap();
    let answer = db.record_once(user(1), seconds(61), 7).await;
    assert_eq!(answer.unwrap_err(), taken);
    let answer = db.record_once(user(2), seconds(60), 7).await;
    assert_eq!(answer.unwrap_err(), taken);
    assert_eq!(db.counters(user(1), "2026-11-20").await.active_seconds, 60);
    assert_eq!(db.find_user(user(2)).await, None);
}

async fn duplicate_request_in_one_batch_counts_once(db: Fixture) {
    let same = (0..50).map(|_| db.record_once(user(1), seconds(60), 7));
    for answer in futures::future::join_all(same).await {
        assert_eq!(answer.unwrap().counters.active_seconds, 60);
    }
    assert_eq!(db.counters(user(1), "2026-11-20").await.active_seconds, 60);
}

async fn requests_before_a_time_are_listed_oldest_first_and_forgotten(db: Fixture) {
    let other = db.for_tenant(2);
    let before = db.now();
    for number in 1..=4 {
        db.record_once(user(1), seconds(1), number).await.unwrap();
        other
            .record_once(user(1), seconds(1), number)
            .await
            .unwrap();
        db.pass(HOUR);
    }
    let list = async |db: &Fixture, time, limit| {
        let found = db.store.list_requests_before(db.tenant, time, limit).await;
        found.unwrap()
    };
    let request = |number| RequestId(Uuid::from_u128(number));
    assert_eq!(list(&db, before, 10).await, []);
    let time = at("2026-11-20T14:00:00Z");
    assert_eq!(list(&db, time, 10).await, [request(1), request(2)]);
    assert_eq!(list(&db, db.now(), 3).await, [1, 2, 3].map(request));
    let tenants = async |time, after, limit| {
        let found = db
            .store
            .list_tenants_with_requests_before(time, after, limit);
        found.await.unwrap()
    };
    assert_eq!(tenants(before, None, 10).await, []);
    assert_eq!(tenants(time, None, 10).await, [db.tenant, other.tenant]);
    assert_eq!(tenants(time, None, 1).await, [db.tenant]);
    assert_eq!(tenants(time, Some(db.tenant), 10).await, [other.tenant]);
    assert_eq!(tenants(time, Some(other.tenant), 10).await, []);

    db.submit(ForgetRequests {
        request_ids: vec![request(1), request(2), request(404)],
    })
    .await
    .unwrap();
    assert_eq!(list(&db, db.now(), 10).await, [3, 4].map(request));
    assert_eq!(list(&other, db.now(), 10).await.len(), 4);
    assert_eq!(tenants(time, None, 10).await, [other.tenant]);
    // What is forgotten counts anew; what is not does not.
    db.record_once(user(1), seconds(1), 1).await.unwrap();
    db.record_once(user(1), seconds(1), 4).await.unwrap();
    assert_eq!(db.counters(user(1), "2026-11-20").await.active_seconds, 5);
}

async fn a_date_is_at_most_one_day_ahead(db: Fixture) {
    let ahead = db.record(user(1), Some("2026-11-21"), seconds(1)).await;
    assert_eq!(ahead.unwrap().date, day("2026-11-21"));
    assert_eq!(db.user(user(1)).await.user.last_active_at, db.now());
    let answer = db.record(user(2), Some("2026-11-22"), seconds(1)).await;
    assert_eq!(invalid_field(answer), "date");
    assert_eq!(db.find_user(user(2)).await, None);
    // Today is the tenant's.
    db.set_zone(chrono_tz::Tz::Pacific__Kiritimati).await;
    let ahead = db.record(user(1), Some("2026-11-22"), seconds(1)).await;
    assert_eq!(ahead.unwrap().date, day("2026-11-22"));
}

async fn a_full_counter_refuses_more_and_changes_nothing(db: Fixture) {
    let full = db.record(user(1), None, seconds(MAX_DAILY)).await.unwrap();
    let more = UsageIncrement {
        login_count: 1,
        ..seconds(1)
    };
    let answer = db.record(user(1), None, more).await;
    assert_eq!(invalid_field(answer), "increment.active_seconds");
    assert_eq!(db.days(user(1)).await, [full]);
    assert_eq!(db.user(user(1)).await.user.login_count, 0);
    // Whole days of full counters still add up.
    db.record(user(2), None, seconds(MAX_DAILY)).await.unwrap();
    let range = days("2026-11-20", "2026-11-20");
    let data = db.store.get_report_data(db.tenant, range, vec![range]);
    let sum = data.await.unwrap().days[&day("2026-11-20")].active_seconds;
    assert_eq!(sum, 2 * MAX_DAILY);
}

async fn a_day_keeps_a_limited_number_of_features(db: Fixture) {
    let named = |from: usize, until: usize| UsageIncrement {
        feature_usage: (from..until).map(|n| (format!("f{n}"), 1)).collect(),
        ..UsageIncrement::default()
    };
    db.record(user(1), None, named(0, MAX_FEATURES))
        .await
        .unwrap();
    let answer = db.record(user(1), None, named(MAX_FEATURES, MAX_FEATURES + 1));
    assert_eq!(invalid_field(answer.await), "increment.feature_usage");
    let known = db.record(user(1), None, named(0, 1)).await.unwrap();
    assert_eq!(known.counters.feature_usage.len(), MAX_FEATURES);
    assert_eq!(known.counters.feature_usage["f0"], 2);
}

async fn usage_of_the_past_makes_nobody_active_now(db: Fixture) {
    db.record(user(1), Some("2026-11-01"), seconds(1))
        .await
        .unwrap();
    let known = db.user(user(1)).await.user;
    assert_eq!(known.last_active_at, at("2026-11-01T23:59:59.999999Z"));
    assert_eq!(known.first_seen_at, at("2026-11-01T00:00:00Z"));
    assert_eq!(
        (known.last_login_at, known.last_session_start),
        (None, None)
    );
}

async fn usage_on_the_first_and_the_last_date_is_kept(db: Fixture) {
    db.set_zone(chrono_tz::Tz::Pacific__Kiritimati).await;
    db.set_clock("2099-12-31T23:00:00Z");
    db.record(user(1), Some("2000-01-01"), seconds(1))
        .await
        .unwrap();
    db.record(user(1), Some("2100-01-01"), seconds(2))
        .await
        .unwrap();
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[("2000-01-01", 1), ("2100-01-01", 2)])
    );
    db.record(user(2), Some("2000-01-01"), seconds(1))
        .await
        .unwrap();
    let page = db.store.list_users(db.tenant, None, None, 10, db.now());
    assert_eq!(page.await.unwrap().items.len(), 2);
}
