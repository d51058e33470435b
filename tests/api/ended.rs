//! Sessions that are over, by themselves or from the outset.

use std::time::Duration;

use dwell::pb::v1 as pb;
use serde_json::json;
use tonic::Code;

use crate::{
    harness::{MORNING, Server},
    values::{SESSION, USER, id, refusal, seconds, start, structure, time},
};

on_both_engines! {
    a_session_that_went_silent_is_over_since_its_last_sign_of_life
    a_session_past_its_lifetime_is_over_since_then
    a_session_is_recorded_after_the_fact
    nothing_happens_to_a_session_that_has_ended
    an_unknown_session_is_not_found
}

async fn a_session_that_went_silent_is_over_since_its_last_sign_of_life(server: Server) {
    let mut caller = server.tenant(1);
    let started = caller.start(start(USER)).await;
    server.pass(Duration::from_mins(5));
    let heartbeat = pb::HeartbeatRequest {
        session_id: started.id.clone(),
    };
    caller.sessions.heartbeat(heartbeat.clone()).await.unwrap();
    server.pass(Duration::from_mins(30));
    let over = caller.get(&started.id).await;
    let expected = pb::Session {
        state: pb::SessionState::Ended.into(),
        last_active_time: time("2026-03-02T09:05:00Z"),
        end_time: time("2026-03-02T09:05:00Z"),
        duration: seconds(300),
        duration_minutes: 5,
        expire_time: None,
        end_reason: pb::EndReason::IdleTimeout.into(),
        points_earned: 2,
        update_time: time("2026-03-02T09:05:00Z"),
        ..started
    };
    assert_eq!(over, expected);
    // The heartbeat that comes too late finds it so, and so does whoever looks after it.
    let refused = refusal(caller.sessions.heartbeat(heartbeat).await);
    assert_eq!(
        refused,
        (Code::FailedPrecondition, "SESSION_ENDED".to_owned())
    );
    assert_eq!(caller.get(&over.id).await.end_time, over.end_time);
}

async fn a_session_past_its_lifetime_is_over_since_then(server: Server) {
    let mut caller = server.tenant(1);
    let settings = pb::TenantSettings {
        idle_timeout: seconds(0),
        max_lifetime: seconds(3_600),
        ..Default::default()
    };
    caller.set(settings).await;
    let session = caller.start(start(USER)).await;
    assert_eq!(session.expire_time, time("2026-03-02T10:00:00Z"));
    server.pass(Duration::from_hours(9));
    let over = caller.get(&session.id).await;
    assert_eq!(over.end_reason(), pb::EndReason::MaxLifetime);
    assert_eq!(over.end_time, time("2026-03-02T10:00:00Z"));
    assert_eq!(over.duration_minutes, 60);
    let request = pb::EndSessionRequest {
        session_id: session.id,
        ..Default::default()
    };
    let ended = caller.sessions.end_session(request).await.unwrap();
    assert!(ended.get_ref().already_ended);
}

async fn a_session_is_recorded_after_the_fact(server: Server) {
    let mut caller = server.tenant(1);
    let request = pb::RecordSessionRequest {
        user_id: USER.to_owned(),
        session_id: SESSION.to_owned(),
        session_type: "roleplay".to_owned(),
        client_type: "mobile".to_owned(),
        start_time: time("2026-02-28T12:00:00Z"),
        duration: seconds(5_399),
        progress: Some(0.75),
        mood_rating: 4,
        notes: "offline".to_owned(),
        location: "library".to_owned(),
        metadata: Some(structure(json!({ "app": "2.1" }))),
        ..Default::default()
    };
    let answer = caller.sessions.record_session(request.clone()).await;
    let answer = answer.unwrap().into_inner();
    let session = pb::Session {
        id: SESSION.to_owned(),
        user_id: USER.to_owned(),
        session_type: "roleplay".to_owned(),
        client_type: "mobile".to_owned(),
        state: pb::SessionState::Ended.into(),
        start_time: time("2026-02-28T12:00:00Z"),
        last_active_time: time("2026-02-28T13:29:59Z"),
        end_time: time("2026-02-28T13:29:59Z"),
        duration: seconds(5_399),
        duration_minutes: 89,
        end_reason: pb::EndReason::Recorded.into(),
        completion_status: pb::CompletionStatus::Partial.into(),
        location: "library".to_owned(),
        notes: "offline".to_owned(),
        mood_rating: 4,
        points_earned: 44,
        metadata: Some(structure(json!({ "app": "2.1" }))),
        create_time: time(MORNING),
        update_time: time(MORNING),
        ..Default::default()
    };
    let expected = pb::RecordSessionResponse {
        session: Some(session),
        created: true,
    };
    assert_eq!(answer, expected);
    server.pass(Duration::from_hours(1));
    let again = caller.sessions.record_session(request.clone()).await;
    let expected = pb::RecordSessionResponse {
        created: false,
        ..expected
    };
    assert_eq!(again.unwrap().into_inner(), expected);

    let lately = pb::RecordSessionRequest {
        session_id: String::new(),
        start_time: None,
        ..request
    };
    let lately = caller.sessions.record_session(lately).await.unwrap();
    let lately = lately.into_inner().session.unwrap();
    assert_eq!(lately.start_time, time("2026-03-02T08:30:01Z"));
    assert_eq!(lately.end_time, time("2026-03-02T10:00:00Z"));
    assert_eq!(caller.summary(USER).await.login_count, 0);
}

async fn nothing_happens_to_a_session_that_has_ended(server: Server) {
    let mut caller = server.tenant(1);
    let session_id = caller.start(start(USER)).await.id;
    let end = pb::EndSessionRequest {
        session_id: session_id.clone(),
        ..Default::default()
    };
    let ended = caller.end(end).await;
    let over = (Code::FailedPrecondition, "SESSION_ENDED".to_owned());
    let session_id = || session_id.clone();
    let heartbeat = pb::HeartbeatRequest {
        session_id: session_id(),
    };
    assert_eq!(refusal(caller.sessions.heartbeat(heartbeat).await), over);
    let pause = pb::PauseSessionRequest {
        session_id: session_id(),
    };
    assert_eq!(refusal(caller.sessions.pause_session(pause).await), over);
    let resume = pb::ResumeSessionRequest {
        session_id: session_id(),
    };
    assert_eq!(refusal(caller.sessions.resume_session(resume).await), over);
    assert_eq!(caller.get(&session_id()).await, ended);
}

async fn an_unknown_session_is_not_found(server: Server) {
    let mut caller = server.tenant(1);
    let session_id = || id(404);
    let unknown = (Code::NotFound, "SESSION_NOT_FOUND".to_owned());
    let get = pb::GetSessionRequest {
        session_id: session_id(),
    };
    assert_eq!(refusal(caller.sessions.get_session(get).await), unknown);
    let heartbeat = pb::HeartbeatRequest {
        session_id: session_id(),
    };
    assert_eq!(refusal(caller.sessions.heartbeat(heartbeat).await), unknown);
    let end = pb::EndSessionRequest {
        session_id: session_id(),
        ..Default::default()
    };
    assert_eq!(refusal(caller.sessions.end_session(end).await), unknown);
    let summary = pb::GetUserSummaryRequest {
        user_id: USER.to_owned(),
    };
    let refused = refusal(caller.usage.get_user_summary(summary).await);
    assert_eq!(refused, (Code::NotFound, "USER_NOT_FOUND".to_owned()));
}
