//! A tenant's settings, and what a change of them does.

use std::time::Duration;

use chrono_tz::Tz;
use dwell::domain::{
    commands::UpdateSettings,
    points::PointRates,
    session::{EndReason, SessionFilter, SessionState},
    settings::{OverLimitPolicy, SettingsPatch, TenantSettings},
};

use crate::fixture::{Fixture, HOUR, MINUTE, at, session, user};

on_both_engines! {
    a_tenant_that_never_set_any_has_the_defaults
    settings_come_back_as_they_were_set
    a_patch_changes_only_what_it_names
    settings_survive_the_tenants_first_writes
    a_shorter_idle_timeout_holds_at_once
    a_longer_idle_timeout_keeps_what_is_still_open
    a_shorter_lifetime_holds_at_once
    a_timeout_where_there_was_none_is_swept
    sessions_started_beside_a_shorter_timeout_are_swept_by_it
    sessions_touched_beside_a_shorter_timeout_are_swept_by_it
    patches_of_many_at_once_are_all_kept
}

fn idle(seconds: Option<u64>) -> SettingsPatch {
    SettingsPatch {
        idle_timeout: Some(seconds.map(Duration::from_secs)),
        ..SettingsPatch::default()
    }
}

async fn due(db: &Fixture) -> usize {
    let due = db.store.list_sessions_to_sweep(db.tenant, db.now(), 1_000);
    due.await.unwrap().len()
}

async fn a_tenant_that_never_set_any_has_the_defaults(db: Fixture) {
    let settings = db.store.get_settings(db.tenant).await.unwrap();
    assert_eq!(settings, TenantSettings::default());
    assert_eq!(settings.calendar.zone(), Tz::UTC);
    assert_eq!(settings.idle_timeout, Some(Duration::from_mins(30)));
    assert_eq!(settings.max_lifetime, Some(Duration::from_hours(24)));
    assert_eq!(settings.max_open_sessions, None);
    assert_eq!(settings.over_limit_policy, OverLimitPolicy::Evict);
    db.start(user(1)).await;
    let written = db.store.get_settings(db.tenant).await.unwrap();
    assert_eq!(written, settings);
}

fn everything() -> SettingsPatch {
    SettingsPatch {
        time_zone: Some(Tz::America__St_Johns),
        idle_timeout: Some(None),
        max_lifetime: Some(Some(Duration::from_secs(7))),
        max_open_sessions: Some(Some(u32::MAX)),
        over_limit_policy: Some(OverLimitPolicy::Deny),
        client_types: Some(vec!["b".to_owned(), "a".to_owned()]),
        session_retention: Some(Some(Duration::from_secs(8))),
        client_retention: Some(Some(Duration::from_secs(9))),
        points_per_minute: Some(0.1 + 0.2),
        points_per_correct_item: Some(1.0 / 3.0),
    }
}

async fn settings_come_back_as_they_were_set(db: Fixture) {
    let set = db.set(everything()).await;
    assert_eq!(set.calendar.zone(), Tz::America__St_Johns);
    assert_eq!(set.calendar.first_zone(), Tz::UTC);
    assert_eq!(set.idle_timeout, None);
    assert_eq!(set.max_lifetime, Some(Duration::from_secs(7)));
    assert_eq!(set.max_open_sessions, Some(u32::MAX));
    assert_eq!(set.over_limit_policy, OverLimitPolicy::Deny);
    assert_eq!(set.client_types, ["b", "a"]);
    assert_eq!(set.session_retention, Some(Duration::from_secs(8)));
    assert_eq!(set.client_retention, Some(Duration::from_secs(9)));
    let rates = PointRates {
        per_minute: 0.1 + 0.2,
        per_correct_item: 1.0 / 3.0,
    };
    assert_eq!(set.points, rates);
    assert_eq!(db.store.get_settings(db.tenant).await.unwrap(), set);
}

async fn a_patch_changes_only_what_it_names(db: Fixture) {
    let before = db.set(everything()).await;
    let after = db.set(idle(Some(60))).await;
    let expected = TenantSettings {
        idle_timeout: Some(Duration::from_mins(1)),
        ..before
    };
    assert_eq!(after, expected);
    assert_eq!(db.set(SettingsPatch::default()).await, expected);
    assert_eq!(db.store.get_settings(db.tenant).await.unwrap(), expected);
}

async fn settings_survive_the_tenants_first_writes(db: Fixture) {
    let (set, started) = tokio::join!(db.set(idle(Some(60))), db.start_as(user(1), session(1)));
    assert!(started.is_ok());
    assert_eq!(db.store.get_settings(db.tenant).await.unwrap(), set);
}

async fn a_shorter_idle_timeout_holds_at_once(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(5 * MINUTE);
    db.heartbeat(id).await.unwrap();
    db.pass(10 * MINUTE);
    assert_eq!(due(&db).await, 0);
    db.set(idle(Some(10 * MINUTE))).await;
    assert_eq!(due(&db).await, 1);
    let seen = db.session(id).await.session;
    assert_eq!(seen.ended_at(), Some(at("2026-11-20T12:05:00Z")));
    let filter = SessionFilter {
        states: vec![SessionState::Ended],
        ..SessionFilter::default()
    };
    let page = db
        .store
        .list_sessions(db.tenant, filter, None, 10, db.now());
    assert_eq!(page.await.unwrap().items.len(), 1);
    assert!(db.expire(id).await.unwrap());
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 300);
}

async fn a_longer_idle_timeout_keeps_what_is_still_open(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(20 * MINUTE);
    db.set(idle(Some(2 * HOUR))).await;
    db.pass(20 * MINUTE);
    // The sweep may look at it, but finds it alive and comes back in time.
    assert!(!db.expire(id).await.unwrap());
    assert_eq!(due(&db).await, 0);
    let expiry = Some(at("2026-11-20T14:00:00Z"));
    assert_eq!(db.session(id).await.expires_at, expiry);
    db.set_clock("2026-11-20T14:00:00Z");
    assert_eq!(due(&db).await, 1);
}

async fn a_shorter_lifetime_holds_at_once(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(20 * MINUTE);
    db.heartbeat(id).await.unwrap();
    db.set(SettingsPatch {
        max_lifetime: Some(Some(Duration::from_mins(10))),
        ..SettingsPatch::default()
    })
    .await;
    assert_eq!(due(&db).await, 1);
    let seen = db.session(id).await.session;
    assert_eq!(seen.end_reason(), Some(EndReason::MaxLifetime));
    assert_eq!(seen.ended_at(), Some(at("2026-11-20T12:10:00Z")));
}

async fn a_timeout_where_there_was_none_is_swept(db: Fixture) {
    db.set(SettingsPatch {
        max_lifetime: Some(None),
        ..idle(None)
    })
    .await;
    db.start(user(1)).await;
    db.pass(24 * 10 * HOUR);
    assert_eq!(due(&db).await, 0);
    db.set(idle(Some(60))).await;
    assert_eq!(due(&db).await, 1);
}

async fn sessions_started_beside_a_shorter_timeout_are_swept_by_it(db: Fixture) {
    for round in 0..10 {
        let db = db.for_tenant(100 + round);
        // Of the writer's lanes some start sessions, and one changes the settings meanwhile.
        let starts = (0..8).map(|number| db.start_as(user(number), session(number)));
        let starts = futures::future::join_all(starts);
        let (started, _) = tokio::join!(starts, db.set(idle(Some(60))));
        assert!(started.iter().all(Result::is_ok));
        db.pass(60);
        assert_eq!(due(&db).await, 8);
    }
}

async fn sessions_touched_beside_a_shorter_timeout_are_swept_by_it(db: Fixture) {
    for round in 0..10 {
        let db = db.for_tenant(100 + round);
        for number in 0..8 {
            db.start_as(user(number), session(number)).await.unwrap();
            db.heartbeat(session(number)).await.unwrap();
        }
        let beats = (0..8).map(|number| db.heartbeat(session(number)));
        let beats = futures::future::join_all(beats);
        let (beaten, _) = tokio::join!(beats, db.set(idle(Some(60))));
        assert!(beaten.iter().all(Result::is_ok));
        db.pass(60);
        assert_eq!(due(&db).await, 8);
    }
}

async fn patches_of_many_at_once_are_all_kept(db: Fixture) {
    let submit = |patch| db.submit(UpdateSettings { patch });
    let limit = SettingsPatch {
        max_open_sessions: Some(Some(3)),
        ..SettingsPatch::default()
    };
    let zone = SettingsPatch {
        time_zone: Some(Tz::Asia__Tokyo),
        ..SettingsPatch::default()
    };
    let (a, b, c) = tokio::join!(submit(limit), submit(zone), submit(idle(Some(60))));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    let settings = db.store.get_settings(db.tenant).await.unwrap();
    assert_eq!(settings.max_open_sessions, Some(3));
    assert_eq!(settings.calendar.zone(), Tz::Asia__Tokyo);
    assert_eq!(settings.idle_timeout, Some(Duration::from_mins(1)));
}
