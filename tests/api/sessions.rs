//! What the RPCs of one session answer.

use std::time::Duration;

use dwell::pb::v1 as pb;
use serde_json::json;
use tonic::Code;
use uuid::Uuid;

use crate::{
    harness::{MORNING, Server},
    values::{SESSION, USER, refusal, seconds, start, structure, time},
};

on_both_engines! {
    a_start_answers_with_what_was_given
    a_bare_start_answers_with_defaults
    the_same_start_again_returns_its_session
    a_session_lives_pauses_and_ends
    an_end_keeps_what_was_said_of_it
    a_completion_follows_from_the_progress
}

async fn a_start_answers_with_what_was_given(server: Server) {
    let mut caller = server.tenant(1);
    let metadata = structure(json!({
        "b": [1.5, -0.25e-300, 1e300, null, true, "\u{1}\n\"🦀"], "a": { "": {} },
    }));
    let subject = pb::Subject {
        r#type: "class".to_owned(),
        id: "es-101".to_owned(),
        name: "Español '; --".to_owned(),
    };
    let request = pb::StartSessionRequest {
        user_id: USER.to_uppercase(),
        session_id: SESSION.to_uppercase(),
        session_type: "tutoring".to_owned(),
        client_type: "web".to_owned(),
        client_info: "Firefox/150".to_owned(),
        ip_address: "2001:DB8:0:0:0:0:0:1".to_owned(),
        subject: Some(subject.clone()),
        focus_mode: true,
        location: "café".to_owned(),
        metadata: Some(metadata.clone()),
    };
    let answer = caller.sessions.start_session(request).await.unwrap();
    let answer = answer.into_inner();
    let session = pb::Session {
        id: SESSION.to_owned(),
        user_id: USER.to_owned(),
        session_type: "tutoring".to_owned(),
        client_type: "web".to_owned(),
        client_info: "Firefox/150".to_owned(),
        ip_address: "2001:db8::1".to_owned(),
        subject: Some(subject),
        state: pb::SessionState::Active.into(),
        start_time: time(MORNING),
        last_active_time: time(MORNING),
        duration: seconds(0),
        expire_time: time("2026-03-02T09:30:00Z"),
        focus_mode: true,
        location: "café".to_owned(),
        metadata: Some(metadata),
        create_time: time(MORNING),
        update_time: time(MORNING),
        ..Default::default()
    };
    let expected = pb::StartSessionResponse {
        session: Some(session.clone()),
        created: true,
        evicted_session_ids: Vec::new(),
    };
    assert_eq!(answer, expected);
    assert_eq!(caller.get(SESSION).await, session);
}

async fn a_bare_start_answers_with_defaults(server: Server) {
    let mut caller = server.tenant(1);
    let session = caller.start(start(USER)).await;
    let id = Uuid::parse_str(&session.id).unwrap();
    assert_eq!(id.get_version_num(), 7);
    let expected = pb::Session {
        id: session.id.clone(),
        user_id: USER.to_owned(),
        session_type: "normal".to_owned(),
        client_type: "unknown".to_owned(),
        state: pb::SessionState::Active.into(),
        start_time: time(MORNING),
        last_active_time: time(MORNING),
        duration: seconds(0),
        expire_time: time("2026-03-02T09:30:00Z"),
        create_time: time(MORNING),
        update_time: time(MORNING),
        ..Default::default()
    };
    assert_eq!(session, expected);
}

async fn the_same_start_again_returns_its_session(server: Server) {
    let mut caller = server.tenant(1);
    let request = pb::StartSessionRequest {
        session_id: SESSION.to_owned(),
        metadata: Some(structure(json!({ "a": 1, "b": 2 }))),
        ..start(USER)
    };
    let first = caller.start(request.clone()).await;
    server.pass(Duration::from_mins(1));
    let again = caller.sessions.start_session(request.clone()).await;
    let again = again.unwrap().into_inner();
    assert!(!again.created);
    let expected = pb::Session {
        duration: seconds(60),
        duration_minutes: 1,
        ..first
    };
    assert_eq!(again.session, Some(expected));
    assert_eq!(caller.summary(USER).await.login_count, 1);

    let other = pb::StartSessionRequest {
        location: "home".to_owned(),
        ..request
    };
    let refused = refusal(caller.sessions.start_session(other).await);
    assert_eq!(refused, (Code::AlreadyExists, "ID_TAKEN".to_owned()));
    let recorded = pb::RecordSessionRequest {
        user_id: USER.to_owned(),
        session_id: SESSION.to_owned(),
        duration: seconds(60),
        ..Default::default()
    };
    let refused = refusal(caller.sessions.record_session(recorded).await);
    assert_eq!(refused, (Code::AlreadyExists, "ID_TAKEN".to_owned()));
}

async fn a_session_lives_pauses_and_ends(server: Server) {
    let mut caller = server.tenant(1);
    let session_id = caller.start(start(USER)).await.id;
    let heartbeat = pb::HeartbeatRequest {
        session_id: session_id.clone(),
    };
    server.pass(Duration::from_mins(10));
    let beat = caller.sessions.heartbeat(heartbeat.clone()).await.unwrap();
    let expected = pb::HeartbeatResponse {
        state: pb::SessionState::Active.into(),
        last_active_time: time("2026-03-02T09:10:00Z"),
        expire_time: time("2026-03-02T09:40:00Z"),
    };
    assert_eq!(beat.into_inner(), expected);

    let pause = pb::PauseSessionRequest {
        session_id: session_id.clone(),
    };
    let paused = caller.sessions.pause_session(pause.clone()).await.unwrap();
    let paused = paused.into_inner().session.unwrap();
    assert_eq!(paused.state(), pb::SessionState::Paused);
    server.pass(Duration::from_mins(5));
    // A paused session stays paused, and its clock stands still.
    let again = caller.sessions.pause_session(pause).await.unwrap();
    let again = again.into_inner().session.unwrap();
    assert_eq!(again.duration, seconds(600));
    let beat = caller.sessions.heartbeat(heartbeat).await.unwrap();
    assert_eq!(beat.get_ref().state(), pb::SessionState::Paused);
    assert_eq!(beat.get_ref().expire_time, time("2026-03-02T09:45:00Z"));

    let resume = pb::ResumeSessionRequest {
        session_id: session_id.clone(),
    };
    let resumed = caller.sessions.resume_session(resume).await.unwrap();
    let resumed = resumed.into_inner().session.unwrap();
    assert_eq!(resumed.state(), pb::SessionState::Active);
    server.pass(Duration::from_millis(119_999));
    let session = caller.get(&session_id).await;
    let duration = prost_types::Duration {
        seconds: 719,
        nanos: 999_000_000,
    };
    assert_eq!(session.duration, Some(duration));
    assert_eq!(session.duration_minutes, 11);

    server.set_clock("2026-03-02T09:20:00Z");
    let request = pb::EndSessionRequest {
        session_id: session_id.clone(),
        ..Default::default()
    };
    let answer = caller.sessions.end_session(request.clone()).await.unwrap();
    let answer = answer.into_inner();
    let ended = pb::Session {
        state: pb::SessionState::Ended.into(),
        last_active_time: time("2026-03-02T09:20:00Z"),
        end_time: time("2026-03-02T09:20:00Z"),
        duration: seconds(900),
        duration_minutes: 15,
        expire_time: None,
        end_reason: pb::EndReason::Logout.into(),
        completion_status: pb::CompletionStatus::Completed.into(),
        // Half a point a minute, rounded down.
        points_earned: 7,
        update_time: time("2026-03-02T09:20:00Z"),
        ..session
    };
    let expected = pb::EndSessionResponse {
        session: Some(ended.clone()),
        already_ended: false,
    };
    assert_eq!(answer, expected);

    server.pass(Duration::from_hours(1));
    let again = pb::EndSessionRequest {
        notes: "too late".to_owned(),
        ..request
    };
    let again = caller.sessions.end_session(again).await.unwrap();
    let expected = pb::EndSessionResponse {
        already_ended: true,
        ..expected
    };
    assert_eq!(again.into_inner(), expected);
    assert_eq!(caller.get(&session_id).await, ended);
}

async fn an_end_keeps_what_was_said_of_it(server: Server) {
    let mut caller = server.tenant(1);
    let session_id = caller.start(start(USER)).await.id;
    server.pass(Duration::from_mins(20));
    let result = pb::SessionResult {
        words_spoken: 1_200,
        scores: [("fluency".to_owned(), 87.5), ("grammar".to_owned(), 0.0)].into(),
        topics: vec!["travel".to_owned(), "food".to_owned()],
        vocabulary_learned: vec!["el billete".to_owned()],
        areas_to_improve: Vec::new(),
    };
    let request = pb::EndSessionRequest {
        session_id: session_id.clone(),
        mood_rating: 5,
        productivity_rating: 1,
        notes: "good\nvery \"good\"".to_owned(),
        completion_status: pb::CompletionStatus::Partial.into(),
        // What is said outright counts.
        progress: Some(1.0),
        result: Some(result.clone()),
        end_time: time("2026-03-02T09:15:30.5Z"),
    };
    let ended = caller.end(request).await;
    assert_eq!(ended, caller.get(&session_id).await);
    assert_eq!(ended.end_time, time("2026-03-02T09:15:30.5Z"));
    assert_eq!(ended.duration_minutes, 15);
    assert_eq!((ended.mood_rating, ended.productivity_rating), (5, 1));
    assert_eq!(ended.notes, "good\nvery \"good\"");
    assert_eq!(ended.completion_status(), pb::CompletionStatus::Partial);
    assert_eq!(ended.result, Some(result));
}

async fn a_completion_follows_from_the_progress(server: Server) {
    let mut caller = server.tenant(1);
    let rows = [
        (None, pb::CompletionStatus::Completed),
        (Some(1.0), pb::CompletionStatus::Completed),
        (Some(0.999), pb::CompletionStatus::Partial),
        (Some(0.501), pb::CompletionStatus::Partial),
        (Some(0.5), pb::CompletionStatus::Abandoned),
        (Some(0.0), pb::CompletionStatus::Abandoned),
    ];
    for (progress, status) in rows {
        let session_id = caller.start(start(USER)).await.id;
        let request = pb::EndSessionRequest {
            session_id,
            progress,
            ..Default::default()
        };
        let ended = caller.end(request).await;
        assert_eq!(ended.completion_status(), status, "{progress:?}");
    }
}
