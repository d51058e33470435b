//! What happens to an open session: heartbeats, pauses, expiry, revocation.

use std::time::Duration;

use dwell::{
    domain::{
        commands::RevokeSessions,
        ids::SessionId,
        rejection::Rejection,
        session::{EndReason, MAX_PAUSES, Phase, SessionReview, SessionState},
        settings::SettingsPatch,
    },
    store::Error,
};

use crate::fixture::{Fixture, HOUR, MINUTE, at, ended, not_found, session, user};

on_both_engines! {
    a_heartbeat_is_a_sign_of_life
    a_heartbeat_on_what_is_not_there_is_not_found
    a_heartbeat_on_an_ended_session_is_refused
    a_heartbeat_never_brings_an_expired_session_back
    a_heartbeat_of_the_past_changes_no_last_sign_of_life
    a_silent_session_ends_at_its_last_sign_of_life
    a_session_is_over_exactly_when_its_idle_timeout_is_up
    heartbeats_do_not_outlive_the_maximum_lifetime
    a_session_without_timeouts_never_ends_by_itself
    expire_ends_a_session_once
    expire_reschedules_a_session_that_is_alive
    of_an_end_and_an_expiry_at_once_exactly_one_wins
    a_pause_stops_the_clock
    a_paused_session_stays_paused_and_a_running_one_runs_on
    a_paused_session_ends_without_its_pause
    a_paused_session_that_goes_silent_ends_at_the_pause
    pauses_of_an_ended_session_are_refused
    a_session_keeps_a_limited_number_of_pauses
    revoking_a_user_ends_all_that_is_open_but_one
    revoking_ids_ends_only_those_that_are_open
    revoking_expired_sessions_does_not_count_them
}

async fn a_heartbeat_is_a_sign_of_life(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(29 * MINUTE);
    let view = db.heartbeat(id).await.unwrap();
    assert_eq!(view.session.state(), SessionState::Active);
    assert_eq!(view.session.last_active_at, db.now());
    assert_eq!(view.expires_at, Some(at("2026-11-20T12:59:00Z")));
    assert_eq!(view, db.session(id).await);
    assert_eq!(db.user(user(1)).await.user.last_active_at, db.now());
    db.pass(29 * MINUTE);
    assert!(db.session(id).await.session.is_open());
}

async fn a_heartbeat_on_what_is_not_there_is_not_found(db: Fixture) {
    assert_eq!(db.heartbeat(session(1)).await.unwrap_err(), not_found());
}

async fn a_heartbeat_on_an_ended_session_is_refused(db: Fixture) {
    let id = db.start(user(1)).await;
    db.end(id).await.unwrap();
    db.pass(MINUTE);
    let refused = ended("2026-11-20T12:00:00Z", EndReason::Logout);
    assert_eq!(db.heartbeat(id).await.unwrap_err(), refused);
}

async fn a_heartbeat_never_brings_an_expired_session_back(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(10 * MINUTE);
    db.heartbeat(id).await.unwrap();
    db.pass(31 * MINUTE);
    let refused = ended("2026-11-20T12:10:00Z", EndReason::IdleTimeout);
    assert_eq!(db.heartbeat(id).await.unwrap_err(), refused);
    // The refusal has ended and counted it, once.
    assert_eq!(db.heartbeat(id).await.unwrap_err(), refused);
    assert_eq!(db.counters(user(1), "2026-11-20").await.active_seconds, 600);
    assert_eq!(
        db.user(user(1)).await.user.last_active_at,
        at("2026-11-20T12:10:00Z")
    );
    // Also where the clock steps back into its lifetime.
    db.set_clock("2026-11-20T12:15:00Z");
    assert_eq!(db.heartbeat(id).await.unwrap_err(), refused);
}

async fn a_heartbeat_of_the_past_changes_no_last_sign_of_life(db: Fixture) {
    let id = db.start(user(1)).await;
    db.set_clock("2026-11-20T11:00:00Z");
    let view = db.heartbeat(id).await.unwrap();
    assert_eq!(view.session.last_active_at, at("2026-11-20T12:00:00Z"));
    assert_eq!(view.duration, Duration::ZERO);
    let known = db.user(user(1)).await.user;
    assert_eq!(known.last_active_at, at("2026-11-20T12:00:00Z"));
}

async fn a_silent_session_ends_at_its_last_sign_of_life(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(10 * MINUTE);
    db.heartbeat(id).await.unwrap();
    db.pass(5 * HOUR);
    // A read finds it over before anything has written that.
    let seen = db.session(id).await;
    assert_eq!(seen.session.ended_at(), Some(at("2026-11-20T12:10:00Z")));
    assert_eq!(seen.session.end_reason(), Some(EndReason::IdleTimeout));
    assert_eq!(seen.session.review, SessionReview::default());
    assert_eq!(seen.duration, Duration::from_mins(10));
    assert_eq!(seen.expires_at, None);
    let summary = db.user(user(1)).await;
    assert_eq!(summary.open_sessions, 0);
    assert_eq!(summary.user.total_usage_seconds, 600);
    // And the sweep writes just that.
    assert!(db.expire(id).await.unwrap());
    let mut swept = db.session(id).await;
    assert_eq!(swept.session.updated_at, db.now());
    swept.session.updated_at = seen.session.updated_at;
    assert_eq!(swept, seen);
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 600);
    assert_eq!(db.counters(user(1), "2026-11-20").await.active_seconds, 600);
}

async fn a_session_is_over_exactly_when_its_idle_timeout_is_up(db: Fixture) {
    let id = db.start(user(1)).await;
    db.set_clock("2026-11-20T12:29:59.999999Z");
    assert!(db.session(id).await.session.is_open());
    db.set_clock("2026-11-20T12:30:00Z");
    assert!(!db.session(id).await.session.is_open());
}

async fn heartbeats_do_not_outlive_the_maximum_lifetime(db: Fixture) {
    let id = db.start(user(1)).await;
    for _ in 0..71 {
        db.pass(20 * MINUTE);
        db.heartbeat(id).await.unwrap();
    }
    assert_eq!(
        db.session(id).await.expires_at,
        Some(at("2026-11-21T12:00:00Z"))
    );
    db.pass(25 * MINUTE);
    let refused = ended("2026-11-21T12:00:00Z", EndReason::MaxLifetime);
    assert_eq!(db.heartbeat(id).await.unwrap_err(), refused);
    let view = db.session(id).await;
    assert_eq!(view.duration, Duration::from_secs(24 * HOUR));
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 86_400);
}

async fn a_session_without_timeouts_never_ends_by_itself(db: Fixture) {
    db.set(SettingsPatch {
        idle_timeout: Some(None),
        max_lifetime: Some(None),
        ..SettingsPatch::default()
    })
    .await;
    let id = db.start(user(1)).await;
    db.pass(40 * 24 * HOUR);
    let view = db.session(id).await;
    assert_eq!(view.expires_at, None);
    assert_eq!(view.duration, Duration::from_secs(40 * 24 * HOUR));
    assert!(!db.expire(id).await.unwrap());
    assert!(db.heartbeat(id).await.is_ok());
}

async fn expire_ends_a_session_once(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(MINUTE);
    db.heartbeat(id).await.unwrap();
    db.pass(HOUR);
    assert!(db.expire(id).await.unwrap());
    assert!(db.expire(id).await.unwrap());
    assert_eq!(db.counters(user(1), "2026-11-20").await.active_seconds, 60);
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 60);
    assert_eq!(db.expire(session(404)).await.unwrap_err(), not_found());
}

async fn expire_reschedules_a_session_that_is_alive(db: Fixture) {
    let due = async |db: &Fixture| {
        let due = db.store.list_sessions_to_sweep(db.tenant, db.now(), 10);
        due.await.unwrap().len()
    };
    let id = db.start(user(1)).await;
    db.pass(20 * MINUTE);
    db.heartbeat(id).await.unwrap();
    assert_eq!(due(&db).await, 0);
    db.pass(10 * MINUTE);
    assert_eq!(due(&db).await, 1);
    assert!(!db.expire(id).await.unwrap());
    assert_eq!(due(&db).await, 0);
    assert!(db.session(id).await.session.is_open());
    db.pass(20 * MINUTE);
    assert_eq!(due(&db).await, 1);
    assert!(db.expire(id).await.unwrap());
    assert_eq!(due(&db).await, 0);
}

async fn of_an_end_and_an_expiry_at_once_exactly_one_wins(db: Fixture) {
    for round in 0..20 {
        let id = session(100 + round);
        db.start_as(user(round), id).await.unwrap();
        db.pass(HOUR);
        let (end, expiry, again) = tokio::join!(db.end(id), db.expire(id), db.end(id));
        assert!(end.unwrap().already && again.unwrap().already);
        assert!(expiry.unwrap());
        let view = db.session(id).await;
        assert_eq!(view.session.end_reason(), Some(EndReason::IdleTimeout));
    }
    for round in 0..20 {
        let (id, user) = (session(200 + round), user(1_000 + round));
        db.start_as(user, id).await.unwrap();
        db.pass(MINUTE);
        let (end, expiry, again) = tokio::join!(db.end(id), db.expire(id), db.end(id));
        expiry.unwrap();
        assert_ne!(end.unwrap().already, again.unwrap().already);
        assert_eq!(db.user(user).await.user.total_usage_seconds, 60);
    }
}

async fn a_pause_stops_the_clock(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(5 * MINUTE);
    let paused = db.pause(id).await.unwrap();
    assert_eq!(paused.session.phase, Phase::Paused { since: db.now() });
    assert_eq!(paused.session.last_active_at, db.now());
    assert_eq!(paused, db.session(id).await);
    db.pass(7 * MINUTE);
    let view = db.session(id).await;
    assert_eq!(view.duration, Duration::from_secs(5 * MINUTE));
    let resumed = db.resume(id).await.unwrap();
    assert_eq!(resumed.session.state(), SessionState::Active);
    assert_eq!(resumed.session.last_active_at, db.now());
    db.pass(3 * MINUTE);
    assert_eq!(
        db.session(id).await.duration,
        Duration::from_secs(8 * MINUTE)
    );
    let ended = db.end(id).await.unwrap();
    assert_eq!(ended.view.duration, Duration::from_secs(8 * MINUTE));
    assert_eq!(db.counters(user(1), "2026-11-20").await.active_seconds, 480);
}

async fn a_paused_session_stays_paused_and_a_running_one_runs_on(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(MINUTE);
    db.resume(id).await.unwrap();
    db.pass(MINUTE);
    let since = db.now();
    db.pause(id).await.unwrap();
    db.pass(MINUTE);
    let again = db.pause(id).await.unwrap();
    assert_eq!(again.session.phase, Phase::Paused { since });
    assert_eq!(again.duration, Duration::from_secs(2 * MINUTE));
    // A heartbeat keeps a paused session alive, and paused.
    db.pass(29 * MINUTE);
    let beat = db.heartbeat(id).await.unwrap();
    assert_eq!(beat.session.phase, Phase::Paused { since });
    db.pass(29 * MINUTE);
    assert!(db.session(id).await.session.is_open());
}

async fn a_paused_session_ends_without_its_pause(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(5 * MINUTE);
    db.pause(id).await.unwrap();
    db.pass(10 * MINUTE);
    let ended = db.end(id).await.unwrap();
    assert_eq!(ended.view.session.ended_at(), Some(db.now()));
    assert_eq!(ended.view.duration, Duration::from_secs(5 * MINUTE));
    assert_eq!(db.session(id).await, ended.view);
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 300);
}

async fn a_paused_session_that_goes_silent_ends_at_the_pause(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(5 * MINUTE);
    db.pause(id).await.unwrap();
    db.pass(HOUR);
    let view = db.session(id).await;
    assert_eq!(view.session.ended_at(), Some(at("2026-11-20T12:05:00Z")));
    assert_eq!(view.duration, Duration::from_mins(5));
}

async fn pauses_of_an_ended_session_are_refused(db: Fixture) {
    let id = db.start(user(1)).await;
    db.end(id).await.unwrap();
    let refused = ended("2026-11-20T12:00:00Z", EndReason::Logout);
    assert_eq!(db.pause(id).await.unwrap_err(), refused);
    assert_eq!(db.resume(id).await.unwrap_err(), refused);
    assert_eq!(db.pause(session(404)).await.unwrap_err(), not_found());
    assert_eq!(db.resume(session(404)).await.unwrap_err(), not_found());
}

async fn a_session_keeps_a_limited_number_of_pauses(db: Fixture) {
    let id = db.start(user(1)).await;
    // Once the session's user is known, writes are queued in the order in which they are made.
    db.heartbeat(id).await.unwrap();
    let pauses = (0..MAX_PAUSES).map(|_| async {
        let (paused, resumed) = tokio::join!(db.pause(id), db.resume(id));
        paused.and(resumed).unwrap();
    });
    futures::future::join_all(pauses).await;
    let full: Error = Rejection::TooManyPauses { limit: MAX_PAUSES }.into();
    assert_eq!(db.pause(id).await.unwrap_err(), full);
    assert_eq!(db.session(id).await.session.pauses.len(), MAX_PAUSES);
    assert!(db.end(id).await.is_ok());
}

fn revoke(ids: Option<Vec<SessionId>>, except: Option<SessionId>) -> RevokeSessions {
    RevokeSessions {
        user_id: user(1),
        session_ids: ids,
        except,
    }
}

async fn revoking_a_user_ends_all_that_is_open_but_one(db: Fixture) {
    let kept = db.start(user(1)).await;
    let first = db.start(user(1)).await;
    let paused = db.start(user(1)).await;
    let over = db.start(user(1)).await;
    let other = db.start(user(2)).await;
    db.end(over).await.unwrap();
    db.pass(MINUTE);
    db.pause(paused).await.unwrap();
    db.pass(MINUTE);
    let revoked = db.submit(revoke(None, Some(kept))).await.unwrap();
    assert_eq!(revoked.session_ids, [first, paused]);
    for id in [first, paused] {
        let view = db.session(id).await;
        assert_eq!(view.session.end_reason(), Some(EndReason::Revoked));
        assert_eq!(view.session.ended_at(), Some(db.now()));
    }
    assert!(db.session(kept).await.session.is_open());
    assert!(db.session(other).await.session.is_open());
    let reason = db.session(over).await.session.end_reason();
    assert_eq!(reason, Some(EndReason::Logout));
    // Two minutes of the one, and one of the other.
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 180);
    let again = db.submit(revoke(None, Some(kept))).await.unwrap();
    assert!(again.session_ids.is_empty());
}

async fn revoking_ids_ends_only_those_that_are_open(db: Fixture) {
    let first = db.start(user(1)).await;
    let second = db.start(user(1)).await;
    let over = db.start(user(1)).await;
    let other = db.start(user(2)).await;
    db.end(over).await.unwrap();
    let ids = vec![over, session(404), other, second, second];
    db.pass(MINUTE);
    let revoked = db.submit(revoke(Some(ids), None)).await.unwrap();
    assert_eq!(revoked.session_ids, [second]);
    assert!(db.session(first).await.session.is_open());
    assert!(db.session(other).await.session.is_open());
    assert!(!db.session(second).await.session.is_open());
    // Named twice, counted once.
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 60);
}

async fn revoking_expired_sessions_does_not_count_them(db: Fixture) {
    let idle = db.start(user(1)).await;
    db.pass(HOUR);
    let open = db.start(user(1)).await;
    let revoked = db.submit(revoke(None, None)).await.unwrap();
    assert_eq!(revoked.session_ids, [open]);
    let reason = db.session(idle).await.session.end_reason();
    assert_eq!(reason, Some(EndReason::IdleTimeout));
}
