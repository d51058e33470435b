//! The limit of open sessions, and how large an answer about errors may get.

use std::time::Duration;

use dwell::pb::v1 as pb;
use tonic::Code;
use tonic_types::StatusExt;

use crate::{
    harness::Server,
    values::{OTHER_USER, USER, reason, start},
};

on_both_engines! {
    at_the_limit_a_start_is_refused
    at_the_limit_a_start_makes_room
}

async fn at_the_limit_a_start_is_refused(server: Server) {
    let mut caller = server.tenant(1);
    let settings = pb::TenantSettings {
        max_open_sessions: 2,
        over_limit_policy: pb::OverLimitPolicy::Deny.into(),
        ..Default::default()
    };
    caller.set(settings).await;
    let first = caller.start(start(USER)).await;
    caller.start(start(USER)).await;
    let refused = caller.sessions.start_session(start(USER)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(reason(&refused), "TOO_MANY_SESSIONS");
    let quota = refused.get_details_quota_failure().unwrap();
    let subjects: Vec<_> = quota.violations.iter().map(|v| &*v.subject).collect();
    assert_eq!(subjects, ["open_sessions"]);
    assert_eq!(caller.summary(USER).await.login_count, 2);

    caller.start(start(OTHER_USER)).await;
    let end = pb::EndSessionRequest {
        session_id: first.id,
        ..Default::default()
    };
    caller.end(end).await;
    caller.start(start(USER)).await;
}

async fn at_the_limit_a_start_makes_room(server: Server) {
    let mut caller = server.tenant(1);
    let first = caller.start(start(USER)).await;
    server.pass(Duration::from_mins(1));
    let second = caller.start(start(USER)).await;
    let third = caller.start(start(USER)).await;
    server.pass(Duration::from_mins(1));
    let heartbeat = pb::HeartbeatRequest {
        session_id: first.id.clone(),
    };
    caller.sessions.heartbeat(heartbeat).await.unwrap();
    let settings = pb::TenantSettings {
        max_open_sessions: 2,
        ..Default::default()
    };
    caller.set(settings).await;
    let answer = caller.sessions.start_session(start(USER)).await.unwrap();
    let mut evicted = answer.into_inner().evicted_session_ids;
    evicted.sort();
    // The first has been heard of since.
    assert_eq!(evicted, [second.id.clone(), third.id]);
    let second = caller.get(&second.id).await;
    assert_eq!(second.end_reason(), pb::EndReason::Evicted);
    assert_eq!(second.duration_minutes, 1);
    assert_eq!(
        caller.get(&first.id).await.state(),
        pb::SessionState::Active
    );
}

#[tokio::test]
async fn a_default_client_type_that_is_not_the_tenants_is_named_with_the_rest() {
    let server = Server::sqlite().await;
    let mut caller = server.tenant(1);
    let settings = pb::TenantSettings {
        client_types: vec!["web".to_owned()],
        ..Default::default()
    };
    caller.set(settings).await;
    let named = |refused: tonic::Status| {
        let details = refused.get_details_bad_request().unwrap();
        let fields = details.field_violations.into_iter().map(|v| v.field);
        fields.collect::<Vec<_>>()
    };
    let refused = caller.sessions.start_session(start(USER)).await;
    assert_eq!(named(refused.unwrap_err()), ["client_type"]);
    let refused = caller.sessions.start_session(start("")).await;
    assert_eq!(named(refused.unwrap_err()), ["user_id", "client_type"]);
    let record = pb::RecordSessionRequest::default();
    let refused = caller.sessions.record_session(record).await;
    let expected = ["user_id", "duration", "client_type"];
    assert_eq!(named(refused.unwrap_err()), expected);
}

#[tokio::test]
async fn the_longest_refusal_fits_into_the_trailers_that_clients_take() {
    // What gRPC's C core takes unless told otherwise.
    const LIMIT: usize = 8 * 1024;
    let server = Server::sqlite().await;
    let mut caller = server.tenant(1);
    let client_types = (10..110).map(|n| format!("{}{n}", "a".repeat(47)));
    let settings = pb::TenantSettings {
        client_types: client_types.collect(),
        ..Default::default()
    };
    caller.set(settings).await;
    let many_types = caller
        .sessions
        .start_session(start(USER))
        .await
        .unwrap_err();
    let revoke = pb::RevokeSessionsRequest {
        session_ids: vec!["x".to_owned(); 500],
        ..Default::default()
    };
    let many_ids = caller.sessions.revoke_sessions(revoke).await.unwrap_err();
    let record = pb::RecordSessionRequest {
        result: Some(pb::SessionResult {
            vocabulary_learned: vec!["\0".to_owned(); 100],
            ..Default::default()
        }),
        ..Default::default()
    };
    let all = caller.sessions.record_session(record).await.unwrap_err();
    for refused in [many_types, many_ids, all] {
        assert_eq!(refused.code(), Code::InvalidArgument);
        let told = refused.message().to_owned();
        let headers = refused.into_http::<tonic::body::Body>();
        let size = headers.headers().iter().map(|(name, value)| {
            // As HTTP/2 counts.
            name.as_str().len() + value.len() + 32
        });
        let size = size.sum::<usize>();
        assert!(size < LIMIT, "{size} bytes: {told}");
    }
}
