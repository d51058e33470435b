//! Starting sessions.

use std::time::Duration;

use dwell::{
    domain::{
        commands::StartSession,
        ids::SessionId,
        rejection::{Rejection, UsedId},
        session::{EndReason, Phase, SessionState},
        settings::{OverLimitPolicy, SettingsPatch},
    },
    store::Error,
};

use crate::fixture::{
    Fixture, HOUR, MINUTE, at, completed, context, invalid_field, session, start_session,
    start_with, user,
};

on_both_engines! {
    a_start_opens_a_session
    a_start_counts_a_login_for_the_user_and_the_day
    the_same_start_again_returns_the_session_and_counts_nothing
    a_repeated_start_finds_the_session_as_it_is_now
    another_start_under_the_same_id_is_refused
    an_id_that_the_server_made_is_not_given_to_a_caller
    a_user_may_have_any_number_of_open_sessions_by_default
    at_the_limit_the_session_idle_longest_makes_room
    a_lowered_limit_evicts_as_many_as_it_takes
    at_the_limit_a_denying_tenant_refuses
    a_session_that_is_over_does_not_count_against_the_limit
    the_limit_holds_within_one_batch
    a_repeated_start_evicts_nobody
    a_client_type_that_is_not_the_tenants_is_refused
    a_tenant_may_have_its_own_client_types
}

async fn a_start_opens_a_session(db: Fixture) {
    let started = db.start_as(user(1), session(1)).await.unwrap();
    assert!(started.created);
    assert!(started.evicted.is_empty());
    let now = db.now();
    let view = db.session(session(1)).await;
    assert_eq!(view, started.view);
    assert_eq!(view.session.phase, Phase::Active);
    assert_eq!(view.session.started_at, now);
    assert_eq!(view.session.last_active_at, now);
    assert_eq!(view.session.created_at, now);
    assert_eq!(view.session.updated_at, now);
    assert_eq!(view.expires_at, Some(at("2026-11-20T12:30:00Z")));
    assert_eq!(view.duration, Duration::ZERO);
    db.pass(90);
    assert_eq!(
        db.session(session(1)).await.duration,
        Duration::from_secs(90)
    );
}

async fn a_start_counts_a_login_for_the_user_and_the_day(db: Fixture) {
    db.start(user(1)).await;
    db.pass(HOUR);
    db.start(user(1)).await;
    let known = db.user(user(1)).await.user;
    assert_eq!(known.login_count, 2);
    assert_eq!(known.last_login_at, Some(db.now()));
    assert_eq!(known.last_session_start, Some(db.now()));
    assert_eq!(known.last_active_at, db.now());
    assert_eq!(known.first_seen_at, at("2026-11-20T12:00:00Z"));
    assert_eq!(known.total_usage_seconds, 0);
    let day = db.counters(user(1), "2026-11-20").await;
    assert_eq!(day.login_count, 2);
    assert_eq!(day.sessions_started, 2);
    assert_eq!(day.sessions_completed, 0);
    assert_eq!(day.active_seconds, 0);
}

async fn the_same_start_again_returns_the_session_and_counts_nothing(db: Fixture) {
    let first = db.start_as(user(1), session(1)).await.unwrap();
    let again = db.start_as(user(1), session(1)).await.unwrap();
    assert!(!again.created);
    assert_eq!(again.view, first.view);
    assert_eq!(db.user(user(1)).await.user.login_count, 1);
    let day = db.counters(user(1), "2026-11-20").await;
    assert_eq!((day.login_count, day.sessions_started), (1, 1));
}

async fn a_repeated_start_finds_the_session_as_it_is_now(db: Fixture) {
    db.start_as(user(1), session(1)).await.unwrap();
    db.pass(HOUR);
    let again = db.start_as(user(1), session(1)).await.unwrap();
    assert!(!again.created);
    assert_eq!(
        again.view.session.end_reason(),
        Some(EndReason::IdleTimeout)
    );
    assert_eq!(
        again.view.session.ended_at(),
        Some(at("2026-11-20T12:00:00Z"))
    );
}

async fn another_start_under_the_same_id_is_refused(db: Fixture) {
    let taken: Error = Rejection::IdTaken(UsedId::Session).into();
    db.start_as(user(1), session(1)).await.unwrap();
    let mut other = context();
    other.location = "library".into();
    let answer = db.submit(start_with(user(1), session(1), other)).await;
    assert_eq!(answer.unwrap_err(), taken);
    let answer = db.start_as(user(2), session(1)).await;
    assert_eq!(answer.unwrap_err(), taken);
    assert_eq!(db.user(user(1)).await.user.login_count, 1);
    assert_eq!(db.find_user(user(2)).await, None);
    assert_eq!(db.session(session(1)).await.session.context, context());
}

async fn an_id_that_the_server_made_is_not_given_to_a_caller(db: Fixture) {
    let id = SessionId(db.new_id());
    let made = StartSession {
        fingerprint: None,
        ..start_session(user(1), id)
    };
    db.submit(made).await.unwrap();
    let answer = db.start_as(user(1), id).await;
    assert_eq!(
        answer.unwrap_err(),
        Rejection::IdTaken(UsedId::Session).into()
    );
}

async fn a_user_may_have_any_number_of_open_sessions_by_default(db: Fixture) {
    for _ in 0..20 {
        db.start(user(1)).await;
    }
    assert_eq!(db.user(user(1)).await.open_sessions, 20);
}

async fn limit(db: &Fixture, limit: u32, policy: OverLimitPolicy) {
    db.set(SettingsPatch {
        max_open_sessions: Some(Some(limit)),
        over_limit_policy: Some(policy),
        ..SettingsPatch::default()
    })
    .await;
}

async fn at_the_limit_the_session_idle_longest_makes_room(db: Fixture) {
    limit(&db, 2, OverLimitPolicy::Evict).await;
    let first = db.start(user(1)).await;
    db.pass(MINUTE);
    let second = db.start(user(1)).await;
    db.pass(MINUTE);
    // The first is older, but the second is idle longer.
    db.heartbeat(first).await.unwrap();
    db.pass(MINUTE);
    let started = db.start_as(user(1), session(3)).await.unwrap();
    assert_eq!(started.evicted, [second]);
    let evicted = db.session(second).await;
    assert_eq!(evicted.session.end_reason(), Some(EndReason::Evicted));
    assert_eq!(evicted.session.ended_at(), Some(db.now()));
    assert_eq!(evicted.duration, Duration::from_secs(2 * MINUTE));
    assert_eq!(evicted.session.review.completion, None);
    let summary = db.user(user(1)).await;
    assert_eq!(summary.open_sessions, 2);
    assert_eq!(summary.user.total_usage_seconds, 120);
    let day = db.counters(user(1), "2026-11-20").await;
    assert_eq!((day.active_seconds, day.sessions_completed), (120, 0));
}

async fn a_lowered_limit_evicts_as_many_as_it_takes(db: Fixture) {
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(db.start(user(1)).await);
        db.pass(MINUTE);
    }
    limit(&db, 1, OverLimitPolicy::Evict).await;
    let started = db.start_as(user(1), session(9)).await.unwrap();
    assert_eq!(started.evicted, open);
    assert_eq!(db.user(user(1)).await.open_sessions, 1);
}

async fn at_the_limit_a_denying_tenant_refuses(db: Fixture) {
    limit(&db, 1, OverLimitPolicy::Deny).await;
    let open = db.start(user(1)).await;
    let answer = db.start_as(user(1), session(2)).await;
    assert_eq!(
        answer.unwrap_err(),
        Rejection::TooManySessions { limit: 1 }.into()
    );
    assert_eq!(db.find_session(session(2)).await, None);
    assert_eq!(db.user(user(1)).await.user.login_count, 1);
    assert_eq!(db.session(open).await.session.state(), SessionState::Active);
    // The limit is each user's own.
    assert!(db.start_as(user(2), session(3)).await.unwrap().created);
}

async fn a_session_that_is_over_does_not_count_against_the_limit(db: Fixture) {
    limit(&db, 1, OverLimitPolicy::Deny).await;
    let idle = db.start(user(1)).await;
    db.pass(30 * MINUTE);
    let started = db.start_as(user(1), session(2)).await.unwrap();
    assert!(started.evicted.is_empty());
    assert_eq!(
        db.session(idle).await.session.end_reason(),
        Some(EndReason::IdleTimeout)
    );
    db.end_with(session(2), completed(), None).await.unwrap();
    assert!(db.start_as(user(1), session(3)).await.unwrap().created);
}

async fn the_limit_holds_within_one_batch(db: Fixture) {
    limit(&db, 3, OverLimitPolicy::Deny).await;
    let starts = (10..30).map(|number| db.start_as(user(1), session(number)));
    let answers = futures::future::join_all(starts).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    assert_eq!(db.user(user(1)).await.open_sessions, 3);
    assert_eq!(db.user(user(1)).await.user.login_count, 3);
}

async fn a_repeated_start_evicts_nobody(db: Fixture) {
    limit(&db, 1, OverLimitPolicy::Evict).await;
    db.start_as(user(1), session(1)).await.unwrap();
    let again = db.start_as(user(1), session(1)).await.unwrap();
    assert!(!again.created && again.evicted.is_empty());
    assert_eq!(db.user(user(1)).await.open_sessions, 1);
}

async fn a_client_type_that_is_not_the_tenants_is_refused(db: Fixture) {
    let mut other = context();
    other.client_type = "toaster".into();
    let answer = db.submit(start_with(user(1), session(1), other)).await;
    assert_eq!(invalid_field(answer), "client_type");
    assert_eq!(db.find_user(user(1)).await, None);
    for known in [
        "lucidchart",
        "standalone",
        "miro",
        "api",
        "web",
        "mobile",
        "unknown",
    ] {
        let mut other = context();
        other.client_type = known.into();
        let id = SessionId(db.new_id());
        db.submit(start_with(user(1), id, other)).await.unwrap();
    }
}

async fn a_tenant_may_have_its_own_client_types(db: Fixture) {
    db.set(SettingsPatch {
        client_types: Some(vec!["toaster".to_owned()]),
        ..SettingsPatch::default()
    })
    .await;
    let mut own = context();
    own.client_type = "toaster".into();
    let id = session(1);
    assert!(db.submit(start_with(user(1), id, own)).await.is_ok());
    let answer = db.start_as(user(1), session(2)).await;
    assert_eq!(invalid_field(answer), "client_type");
}
