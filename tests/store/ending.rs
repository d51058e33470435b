//! Ending sessions, and recording those that are over.

use std::time::Duration;

use dwell::{
    domain::{
        commands::{RecordSession, RecordedTime},
        fingerprint::Fingerprint,
        ids::SessionId,
        rejection::{Rejection, UsedId},
        session::{CompletionStatus, EndReason, SessionReview},
        time::Timestamp,
    },
    store::Error,
};

use crate::fixture::{
    Fixture, HOUR, MINUTE, at, completed, context, invalid_field, not_found, on_days, session, user,
};

on_both_engines! {
    an_end_counts_the_time_for_the_user_and_the_day
    ending_again_returns_the_session_as_it_ended
    ending_what_is_not_there_is_not_found
    an_end_may_be_back_dated
    a_back_dated_end_forgets_the_pauses_after_it
    an_end_before_the_start_is_refused_and_changes_nothing
    a_session_may_end_at_its_start
    ending_a_session_that_was_over_returns_it_as_it_expired
    only_a_completed_session_counts_as_completed
    a_session_earns_points_for_its_whole_minutes
    a_clock_that_stepped_back_ends_nothing_before_the_last_sign_of_life
    two_sessions_that_overlap_both_count
    a_recorded_session_counts_on_the_days_when_it_was_without_a_login
    a_recorded_session_may_end_just_now
    a_session_is_recorded_once
    a_recorded_session_may_be_longer_than_the_maximum_lifetime
    an_old_recorded_session_leaves_later_times_alone
    a_recorded_session_of_an_unknown_client_type_is_refused
}

async fn an_end_counts_the_time_for_the_user_and_the_day(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(10 * MINUTE + 30);
    let ended = db.end(id).await.unwrap();
    assert!(!ended.already);
    assert_eq!(ended.view, db.session(id).await);
    assert_eq!(ended.view.session.end_reason(), Some(EndReason::Logout));
    assert_eq!(ended.view.session.ended_at(), Some(db.now()));
    assert_eq!(ended.view.session.last_active_at, db.now());
    assert_eq!(ended.view.expires_at, None);
    assert_eq!(ended.view.duration, Duration::from_secs(630));
    let day = db.counters(user(1), "2026-11-20").await;
    assert_eq!((day.active_seconds, day.sessions_completed), (630, 1));
    let summary = db.user(user(1)).await;
    assert_eq!(summary.open_sessions, 0);
    assert_eq!(summary.user.total_usage_seconds, 630);
    assert_eq!(summary.user.last_active_at, db.now());
    // Time goes on for others.
    db.pass(HOUR);
    assert_eq!(db.session(id).await, ended.view);
}

async fn ending_again_returns_the_session_as_it_ended(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(MINUTE);
    let first = db.end(id).await.unwrap();
    db.pass(MINUTE);
    let review = SessionReview {
        notes: "too late".to_owned(),
        ..SessionReview::default()
    };
    // Not even a time before the start matters now.
    let before = at("2020-01-01T00:00:00Z");
    let again = db.end_with(id, review, Some(before)).await.unwrap();
    assert!(again.already);
    assert_eq!(again.view, first.view);
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 60);
    let day = db.counters(user(1), "2026-11-20").await;
    assert_eq!((day.active_seconds, day.sessions_completed), (60, 1));
}

async fn ending_what_is_not_there_is_not_found(db: Fixture) {
    db.start(user(1)).await;
    assert_eq!(db.end(session(404)).await.unwrap_err(), not_found());
}

async fn an_end_may_be_back_dated(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(20 * MINUTE);
    let end = at("2026-11-20T12:05:00Z");
    let ended = db.end_at(id, Some(end)).await.unwrap();
    assert_eq!(ended.view.session.ended_at(), Some(end));
    assert_eq!(ended.view.duration, Duration::from_mins(5));
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 300);
    assert_eq!(db.counters(user(1), "2026-11-20").await.active_seconds, 300);
}

async fn a_back_dated_end_forgets_the_pauses_after_it(db: Fixture) {
    let id = db.start(user(1)).await;
    for _ in 0..3 {
        db.pass(2 * MINUTE);
        db.pause(id).await.unwrap();
        db.pass(2 * MINUTE);
        db.resume(id).await.unwrap();
    }
    // In the middle of the second pause, which ran from 12:06 to 12:08.
    let ended = db.end_at(id, Some(at("2026-11-20T12:07:00Z"))).await;
    let view = ended.unwrap().view;
    assert_eq!(view.duration, Duration::from_secs(4 * MINUTE));
    assert_eq!(view.session.pauses.len(), 2);
    assert_eq!(view, db.session(id).await);
}

async fn an_end_before_the_start_is_refused_and_changes_nothing(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(MINUTE);
    let before = db.session(id).await;
    let early = at("2026-11-20T11:59:59.999999Z");
    let answer = db.end_at(id, Some(early)).await;
    assert_eq!(invalid_field(answer), "end_time");
    assert_eq!(db.session(id).await, before);
}

async fn a_session_may_end_at_its_start(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(MINUTE);
    let start = at("2026-11-20T12:00:00Z");
    let ended = db.end_at(id, Some(start)).await.unwrap();
    assert_eq!(ended.view.duration, Duration::ZERO);
    let day = db.counters(user(1), "2026-11-20").await;
    assert_eq!((day.active_seconds, day.sessions_completed), (0, 1));
}

async fn ending_a_session_that_was_over_returns_it_as_it_expired(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(5 * MINUTE);
    db.heartbeat(id).await.unwrap();
    db.pass(30 * MINUTE);
    let ended = db.end(id).await.unwrap();
    assert!(ended.already);
    assert_eq!(
        ended.view.session.end_reason(),
        Some(EndReason::IdleTimeout)
    );
    assert_eq!(
        ended.view.session.ended_at(),
        Some(at("2026-11-20T12:05:00Z"))
    );
    assert_eq!(ended.view.session.review, SessionReview::default());
    let day = db.counters(user(1), "2026-11-20").await;
    assert_eq!((day.active_seconds, day.sessions_completed), (300, 0));
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 300);
}

async fn only_a_completed_session_counts_as_completed(db: Fixture) {
    for completion in [
        None,
        Some(CompletionStatus::Partial),
        Some(CompletionStatus::Abandoned),
        Some(CompletionStatus::Completed),
    ] {
        let id = db.start(user(1)).await;
        let review = SessionReview {
            completion,
            ..SessionReview::default()
        };
        db.end_with(id, review, None).await.unwrap();
        assert_eq!(db.session(id).await.session.review.completion, completion);
    }
    let day = db.counters(user(1), "2026-11-20").await;
    assert_eq!((day.sessions_started, day.sessions_completed), (4, 1));
}

async fn a_session_earns_points_for_its_whole_minutes(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(MINUTE * 8 - 1);
    let ended = db.end(id).await.unwrap();
    // Seven whole minutes at half a point each.
    assert_eq!(ended.view.session.points_earned, 3);
    assert_eq!(db.session(id).await.session.points_earned, 3);
}

async fn a_clock_that_stepped_back_ends_nothing_before_the_last_sign_of_life(db: Fixture) {
    let id = db.start(user(1)).await;
    db.pass(10 * MINUTE);
    db.heartbeat(id).await.unwrap();
    db.set_clock("2026-11-20T11:00:00Z");
    let ended = db.end(id).await.unwrap();
    assert_eq!(
        ended.view.session.ended_at(),
        Some(at("2026-11-20T12:10:00Z"))
    );
    assert_eq!(db.user(user(1)).await.user.total_usage_seconds, 600);
}

async fn two_sessions_that_overlap_both_count(db: Fixture) {
    let (first, second) = (db.start(user(1)).await, db.start(user(1)).await);
    db.pass(MINUTE);
    let (one, two) = tokio::join!(db.end(first), db.end(second));
    assert!(one.is_ok() && two.is_ok());
    let day = db.counters(user(1), "2026-11-20").await;
    assert_eq!((day.active_seconds, day.sessions_completed), (120, 2));
}

fn recorded(id: SessionId, time: RecordedTime) -> RecordSession {
    RecordSession {
        user_id: user(1),
        session_id: id,
        context: context(),
        review: completed(),
        time,
        fingerprint: Some(Fingerprint::of(
            "RecordSession",
            &(user(1), context(), time),
        )),
    }
}

fn between(start: &str, end: &str) -> RecordedTime {
    let (start, end): (Timestamp, Timestamp) = (at(start), at(end));
    RecordedTime::Between { start, end }
}

async fn a_recorded_session_counts_on_the_days_when_it_was_without_a_login(db: Fixture) {
    let time = between("2026-11-10T23:50:00Z", "2026-11-11T00:20:00Z");
    let answer = db.submit(recorded(session(1), time)).await.unwrap();
    assert!(answer.created);
    assert_eq!(answer.view, db.session(session(1)).await);
    assert_eq!(answer.view.session.end_reason(), Some(EndReason::Recorded));
    assert_eq!(answer.view.session.created_at, db.now());
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[("2026-11-10", 600), ("2026-11-11", 1_200)])
    );
    let first = db.counters(user(1), "2026-11-10").await;
    assert_eq!((first.sessions_started, first.sessions_completed), (1, 1));
    assert_eq!(first.login_count, 0);
    let second = db.counters(user(1), "2026-11-11").await;
    assert_eq!((second.sessions_started, second.sessions_completed), (0, 0));
    let known = db.user(user(1)).await.user;
    assert_eq!((known.login_count, known.last_login_at), (0, None));
    assert_eq!(known.total_usage_seconds, 1_800);
    assert_eq!(known.last_session_start, Some(at("2026-11-10T23:50:00Z")));
    assert_eq!(known.first_seen_at, at("2026-11-10T23:50:00Z"));
    assert_eq!(known.last_active_at, at("2026-11-11T00:20:00Z"));
}

async fn a_recorded_session_may_end_just_now(db: Fixture) {
    let last = RecordedTime::Last(Duration::from_secs(90));
    let answer = db.submit(recorded(session(1), last)).await.unwrap();
    assert_eq!(answer.view.session.ended_at(), Some(db.now()));
    assert_eq!(answer.view.session.started_at, at("2026-11-20T11:58:30Z"));
    // A retry a little later is the same request.
    db.pass(MINUTE);
    let again = db.submit(recorded(session(1), last)).await.unwrap();
    assert!(!again.created);
    assert_eq!(again.view, answer.view);
}

async fn a_session_is_recorded_once(db: Fixture) {
    let time = between("2026-11-10T10:00:00Z", "2026-11-10T10:10:00Z");
    let first = db.submit(recorded(session(1), time)).await.unwrap();
    let again = db.submit(recorded(session(1), time)).await.unwrap();
    assert!(!again.created);
    assert_eq!(again.view, first.view);
    let taken: Error = Rejection::IdTaken(UsedId::Session).into();
    let other = between("2026-11-10T10:00:00Z", "2026-11-10T10:10:01Z");
    let answer = db.submit(recorded(session(1), other)).await;
    assert_eq!(answer.unwrap_err(), taken);
    assert_eq!(db.start_as(user(1), session(1)).await.unwrap_err(), taken);
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[("2026-11-10", 600)])
    );
    let day = db.counters(user(1), "2026-11-10").await;
    assert_eq!((day.sessions_started, day.sessions_completed), (1, 1));
}

async fn a_recorded_session_may_be_longer_than_the_maximum_lifetime(db: Fixture) {
    let time = between("2026-11-10T12:00:00Z", "2026-11-12T12:00:00Z");
    db.submit(recorded(session(1), time)).await.unwrap();
    assert_eq!(
        db.seconds_by_day(user(1)).await,
        on_days(&[
            ("2026-11-10", 43_200),
            ("2026-11-11", 86_400),
            ("2026-11-12", 43_200)
        ])
    );
}

async fn an_old_recorded_session_leaves_later_times_alone(db: Fixture) {
    db.start(user(1)).await;
    let before = db.user(user(1)).await.user;
    let time = between("2026-11-10T12:00:00Z", "2026-11-10T13:00:00Z");
    db.submit(recorded(session(1), time)).await.unwrap();
    let known = db.user(user(1)).await.user;
    assert_eq!(known.last_session_start, before.last_session_start);
    assert_eq!(known.last_active_at, before.last_active_at);
    assert_eq!(known.last_login_at, before.last_login_at);
    assert_eq!(known.first_seen_at, at("2026-11-10T12:00:00Z"));
}

async fn a_recorded_session_of_an_unknown_client_type_is_refused(db: Fixture) {
    let time = between("2026-11-10T12:00:00Z", "2026-11-10T13:00:00Z");
    let mut command = recorded(session(1), time);
    command.context.client_type = "toaster".into();
    assert_eq!(invalid_field(db.submit(command).await), "client_type");
    assert_eq!(db.find_user(user(1)).await, None);
    assert_eq!(db.find_session(session(1)).await, None);
}
