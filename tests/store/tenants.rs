//! Two tenants with the same ids know nothing of each other.

use dwell::domain::{
    activity::ActivityDetails,
    commands::{EndSession, ForgetRequests, LogActivity, RevokeSessions},
    fingerprint::Fingerprint,
    ids::{ActivityId, RequestId},
    report::UserCounts,
    session::{SessionFilter, SessionReview, SessionTotals},
    settings::SettingsPatch,
};
use uuid::Uuid;

use crate::fixture::{Fixture, HOUR, MINUTE, days, not_found, on_days, seconds, session, user};

on_both_engines! {
    no_read_finds_anything_of_another_tenant
    no_write_reaches_a_session_of_another_tenant
    two_tenants_use_the_same_ids_for_different_things
    the_same_rows_of_two_tenants_add_up_apart
    a_patch_starts_from_the_tenants_own_settings
    settings_are_each_tenants_own
    tenants_in_one_batch_do_not_mix
    sweeps_and_ends_stay_within_the_tenant
    a_foreign_session_looks_like_none_after_its_owner_is_known
}

fn activity() -> ActivityDetails {
    ActivityDetails {
        activity_type: "reading".to_owned(),
        content_type: String::new(),
        content_id: String::new(),
        items_completed: 1,
        items_correct: 1,
        metadata: None,
    }
}

/// One of everything, for user 1 and under session id 1.
async fn some_of_everything(db: &Fixture) {
    db.start_as(user(1), session(1)).await.unwrap();
    db.submit_for(session(1), |user_id| LogActivity {
        user_id,
        session_id: session(1),
        activity_id: ActivityId(Uuid::from_u128(1)),
        details: activity(),
        start_time: None,
        duration: std::time::Duration::ZERO,
        fingerprint: None,
    })
    .await
    .unwrap();
    db.record_once(user(1), seconds(60), 1).await.unwrap();
    db.pass(HOUR);
}

async fn no_read_finds_anything_of_another_tenant(db: Fixture) {
    some_of_everything(&db).await;
    let other = db.for_tenant(2);
    let (store, tenant, now) = (&other.store, other.tenant, other.now());
    let range = days("2026-11-01", "2026-11-30");
    let filter = SessionFilter::default();
    assert_eq!(other.find_session(session(1)).await, None);
    assert_eq!(other.find_user(user(1)).await, None);
    assert_eq!(other.days(user(1)).await, []);
    let found = store.list_owners(tenant, vec![session(1)]).await;
    assert_eq!(found.unwrap(), []);
    let found = store.list_sessions(tenant, filter.clone(), None, 10, now);
    assert_eq!(found.await.unwrap().items, []);
    let found = store.sum_sessions(tenant, filter, now).await;
    assert_eq!(found.unwrap(), SessionTotals::default());
    let found = store.list_activities(tenant, session(1), None, 10).await;
    assert_eq!(found.unwrap(), None);
    let found = store.get_user_days(tenant, user(1), range).await.unwrap();
    assert!(found.days.is_empty() && found.open.is_empty());
    for users in [Vec::new(), vec![user(1)]] {
        let found = store.list_days(tenant, range, users, None, 10).await;
        assert_eq!(found.unwrap().items, []);
    }
    let found = store
        .get_report_data(tenant, range, vec![range])
        .await
        .unwrap();
    assert!(found.days.is_empty() && found.users.is_empty());
    let found = store.list_users(tenant, None, None, 10, now).await;
    assert_eq!(found.unwrap().items, []);
    let found = store.list_sessions_to_sweep(tenant, now, 10).await;
    assert_eq!(found.unwrap(), []);
    let found = store.list_requests_before(tenant, now, 10).await;
    assert_eq!(found.unwrap(), []);
    let found = store.list_tenants_to_sweep(now, None, 10).await;
    assert_eq!(found.unwrap(), [db.tenant]);
    let found = store.list_tenants_with_requests_before(now, None, 10).await;
    assert_eq!(found.unwrap(), [db.tenant]);
    assert_eq!(store.list_tenants(None, 10).await.unwrap(), [db.tenant]);
    let after = store.list_tenants(Some(db.tenant), 10).await;
    assert_eq!(after.unwrap(), []);
}

async fn no_write_reaches_a_session_of_another_tenant(db: Fixture) {
    db.start_as(user(1), session(1)).await.unwrap();
    let before = db.session(session(1)).await;
    let other = db.for_tenant(2);
    assert_eq!(other.heartbeat(session(1)).await.unwrap_err(), not_found());
    assert_eq!(other.pause(session(1)).await.unwrap_err(), not_found());
    assert_eq!(other.resume(session(1)).await.unwrap_err(), not_found());
    assert_eq!(other.end(session(1)).await.unwrap_err(), not_found());
    assert_eq!(other.expire(session(1)).await.unwrap_err(), not_found());
    // Nor if the caller knows the user.
    let end = EndSession {
        user_id: user(1),
        session_id: session(1),
        review: SessionReview::default(),
        end_time: None,
    };
    assert_eq!(other.submit(end).await.unwrap_err(), not_found());
    for session_ids in [None, Some(vec![session(1)])] {
        let revoke = RevokeSessions {
            user_id: user(1),
            session_ids,
            except: None,
        };
        assert_eq!(other.submit(revoke).await.unwrap().session_ids, []);
    }
    assert_eq!(db.session(session(1)).await, before);
    assert_eq!(other.find_user(user(1)).await, None);
}

async fn two_tenants_use_the_same_ids_for_different_things(db: Fixture) {
    let other = db.for_tenant(2);
    db.start_as(user(1), session(1)).await.unwrap();
    // Other content, of another user, under the same session and request ids.
    assert!(other.start_as(user(2), session(1)).await.unwrap().created);
    db.record_once(user(1), seconds(60), 1).await.unwrap();
    other.record_once(user(2), seconds(7), 1).await.unwrap();
    db.record_once(user(1), seconds(60), 1).await.unwrap();
    other.record_once(user(2), seconds(7), 1).await.unwrap();
    assert_eq!(db.session(session(1)).await.session.user_id, user(1));
    assert_eq!(other.session(session(1)).await.session.user_id, user(2));
    assert_eq!(
        other.seconds_by_day(user(2)).await,
        on_days(&[("2026-11-20", 7)])
    );
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[("2026-11-20", 60)])
    );
    assert_eq!(other.find_user(user(1)).await, None);
}

/// A session of so many minutes with an activity, a use of a feature, all under the same ids.
async fn the_same_rows(db: &Fixture, minutes: u64, feature: &str) {
    db.set_clock("2026-11-20T12:00:00Z");
    db.start_as(user(1), session(1)).await.unwrap();
    let mut details = activity();
    details.content_id = feature.to_owned();
    let logged = db.submit_for(session(1), |user_id| LogActivity {
        user_id,
        session_id: session(1),
        activity_id: ActivityId(Uuid::from_u128(1)),
        details: details.clone(),
        start_time: None,
        duration: std::time::Duration::ZERO,
        fingerprint: Some(Fingerprint::of("LogActivity", &details)),
    });
    assert_eq!(logged.await.unwrap().details.content_id, feature);
    let mut increment = seconds(0);
    increment.feature_usage.insert(feature.to_owned(), 1);
    db.record(user(1), None, increment).await.unwrap();
    db.pass(minutes * MINUTE);
    db.end(session(1)).await.unwrap();
}

async fn the_same_rows_of_two_tenants_add_up_apart(db: Fixture) {
    let other = db.for_tenant(2);
    the_same_rows(&db, 1, "one").await;
    the_same_rows(&other, 10, "ten").await;
    let range = days("2026-11-20", "2026-11-20");
    for (db, minutes, feature) in [(&db, 1, "one"), (&other, 10, "ten")] {
        let filter = SessionFilter::default();
        let totals = db.store.sum_sessions(db.tenant, filter, db.now()).await;
        let totals = totals.unwrap();
        assert_eq!((totals.count, totals.seconds), (1, 60 * minutes));
        let page = db.store.list_activities(db.tenant, session(1), None, 10);
        let activities = page.await.unwrap().unwrap().items;
        assert_eq!(activities.len(), 1);
        assert_eq!(activities[0].details.content_id, feature);
        let counters = db.counters(user(1), "2026-11-20").await;
        assert_eq!(counters.active_seconds, 60 * minutes);
        assert_eq!((counters.login_count, counters.sessions_completed), (1, 1));
        let data = db.store.get_report_data(db.tenant, range, vec![range]);
        let data = data.await.unwrap();
        assert_eq!(data.days.values().collect::<Vec<_>>(), [&counters]);
        let one = UserCounts { active: 1, new: 1 };
        assert_eq!(data.users[&range], one);
    }
    // Nothing is due there, whatever is due elsewhere.
    let third = db.for_tenant(3);
    some_of_everything(&third).await;
    let found = db.store.list_tenants_to_sweep(db.now(), None, 10).await;
    assert_eq!(found.unwrap(), [third.tenant]);
    let found = db
        .store
        .list_tenants_with_requests_before(db.now(), None, 10);
    assert_eq!(found.await.unwrap(), [third.tenant]);
}

async fn a_patch_starts_from_the_tenants_own_settings(db: Fixture) {
    let other = db.for_tenant(2);
    let limit = |limit| SettingsPatch {
        max_open_sessions: Some(Some(limit)),
        ..SettingsPatch::default()
    };
    db.set(limit(1)).await;
    other.set(limit(2)).await;
    assert_eq!(
        db.set(SettingsPatch::default()).await.max_open_sessions,
        Some(1)
    );
    assert_eq!(
        other.set(SettingsPatch::default()).await.max_open_sessions,
        Some(2)
    );
}

async fn settings_are_each_tenants_own(db: Fixture) {
    let other = db.for_tenant(2);
    let before = other.store.get_settings(other.tenant).await.unwrap();
    other.start_as(user(1), session(1)).await.unwrap();
    db.set(SettingsPatch {
        idle_timeout: Some(Some(std::time::Duration::from_secs(1))),
        time_zone: Some(chrono_tz::Tz::Asia__Tokyo),
        ..SettingsPatch::default()
    })
    .await;
    db.pass(MINUTE);
    assert_eq!(
        other.store.get_settings(other.tenant).await.unwrap(),
        before
    );
    assert!(other.session(session(1)).await.session.is_open());
    let due = other
        .store
        .list_sessions_to_sweep(other.tenant, other.now(), 10);
    assert_eq!(due.await.unwrap(), []);
}

async fn tenants_in_one_batch_do_not_mix(db: Fixture) {
    let tenants: Vec<_> = (10..20).map(|number| db.for_tenant(number)).collect();
    let starts = (0..5).flat_map(|_| &tenants).map(|db| async {
        db.start_as(user(1), session(1)).await.unwrap();
        db.record_once(user(1), seconds(60), 1).await.unwrap();
    });
    futures::future::join_all(starts).await;
    for db in &tenants {
        assert_eq!(db.user(user(1)).await.user.login_count, 1);
        assert_eq!(db.counters(user(1), "2026-11-20").await.active_seconds, 60);
    }
}

async fn sweeps_and_ends_stay_within_the_tenant(db: Fixture) {
    let other = db.for_tenant(2);
    some_of_everything(&db).await;
    db.set_clock("2026-11-20T12:00:00Z");
    some_of_everything(&other).await;
    assert!(db.expire(session(1)).await.unwrap());
    db.submit(ForgetRequests {
        request_ids: vec![RequestId(Uuid::from_u128(1))],
    })
    .await
    .unwrap();
    let due = other
        .store
        .list_sessions_to_sweep(other.tenant, other.now(), 10);
    assert_eq!(due.await.unwrap().len(), 1);
    let kept = other
        .store
        .list_requests_before(other.tenant, other.now(), 10);
    assert_eq!(kept.await.unwrap().len(), 1);
}

async fn a_foreign_session_looks_like_none_after_its_owner_is_known(db: Fixture) {
    let other = db.for_tenant(2);
    db.start_as(user(1), session(1)).await.unwrap();
    db.heartbeat(session(1)).await.unwrap();
    assert_eq!(other.heartbeat(session(1)).await.unwrap_err(), not_found());
    other.start_as(user(2), session(1)).await.unwrap();
    assert!(other.heartbeat(session(1)).await.is_ok());
    assert!(db.heartbeat(session(1)).await.is_ok());
}
