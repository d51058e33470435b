//! Each RPC for each role, and without one.

use std::time::Duration;

use dwell::pb::v1 as pb;
use tonic::Code;
use tonic_types::StatusExt;

use super::{caller, setup, token};
use crate::{
    harness::Server,
    support::ids::tenant,
    values::{USER, reason, start},
    wire::{SERVICES, call, call_with, methods},
};

/// Who may call what is there, written down a second time: `s`ervice, `a`dmin, `u`ser.
const MAY: &str = "
    InsightsService/* sau
    SessionService/StartSession su
    SessionService/EndSession su
    SessionService/RecordSession su
    SessionService/Heartbeat su
    SessionService/StreamHeartbeats su
    SessionService/PauseSession su
    SessionService/ResumeSession su
    SessionService/LogActivity su
    SessionService/* sau
    UsageStatsService/RecordUsage s
    UsageStatsService/ImportUsage s
    UsageStatsService/GetUserUsageStats sau
    UsageStatsService/GetUserSummary sau
    UsageStatsService/* sa
    TenantService/GetTenantSettings sa
    TenantService/* a
    GoalService/CreateGoal su
    GoalService/UpdateGoal su
    GoalService/DeleteGoal su
    GoalService/RecordGoalProgress su
    GoalService/* sau
    ReportService/* sau";

/// The letters of the first line that fits.
fn may(path: &str) -> &'static str {
    let path = path.trim_start_matches("/dwell.v1.");
    let lines = MAY.lines().filter_map(|line| line.trim().split_once(' '));
    let mut fitting = lines.filter(|(pattern, _)| match pattern.strip_suffix('*') {
        Some(service) => path.starts_with(service),
        None => path == *pattern,
    });
    fitting.next().expect(path).1
}

#[tokio::test]
async fn each_role_may_what_it_may() {
    let server = Server::with(setup()).await;
    for (role, user) in [("service", None), ("admin", None), ("user", Some(USER))] {
        let bearer = format!("Bearer {}", token(&server, 1, role, user));
        for (method, _) in methods(&SERVICES) {
            let metadata = [("authorization", &*bearer)];
            let answer = call_with(&server.channel, &method, &metadata, vec![Vec::new()]).await;
            let code = answer.as_ref().err().map(tonic::Status::code);
            let denied = !may(&method).contains(&role[..1]);
            assert_eq!(
                code == Some(Code::PermissionDenied),
                denied,
                "{role} {method} {code:?}"
            );
            if denied {
                let status = answer.unwrap_err();
                assert_eq!(reason(&status), "ROLE_NEEDED");
                assert!(status.message().starts_with("this needs the role "));
            }
        }
    }
    let refused = caller(&server, 1, "user", Some(USER)).usage;
    let request = pb::RecordUsageRequest::default();
    let status = refused.clone().record_usage(request).await.unwrap_err();
    assert_eq!(status.message(), "this needs the role service");
    let roles = &status.get_details_error_info().unwrap().metadata["roles"];
    assert_eq!(roles, "service");
}

#[tokio::test]
async fn nobody_is_let_in_without_a_token() {
    let server = Server::with(setup()).await;
    let own = tenant(1).to_string();
    for (method, _) in methods(&SERVICES) {
        // A tenant alone is no token.
        for tenants in [&[][..], &[&*own]] {
            let answer = call(&server.channel, &method, tenants, vec![Vec::new()]).await;
            let status = answer.expect_err(&method);
            assert_eq!(status.code(), Code::Unauthenticated, "{method}");
            assert_eq!(reason(&status), "TOKEN_INVALID");
        }
    }
    let answer = call(
        &server.channel,
        "/dwell.v1.SessionService/Nothing",
        &[],
        vec![],
    )
    .await;
    assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_refusal_repeats_nothing_of_the_token() {
    let server = Server::with(setup()).await;
    let good = token(&server, 1, "user", Some("alice@example.com"));
    let (head, _) = good.rsplit_once('.').unwrap();
    let list = "/dwell.v1.SessionService/ListSessions";
    for bad in [
        format!("{head}.AAAA"),
        good.to_uppercase(),
        format!("{good}x"),
    ] {
        let bearer = format!("Bearer {bad}");
        let answer = call_with(&server.channel, list, &[("authorization", &bearer)], vec![]).await;
        let status = answer.unwrap_err();
        assert_eq!(status.message(), "the token is not valid");
        assert!(!format!("{status:?}").contains(&bad[..20]));
    }
    server.pass(Duration::from_mins(61));
    let mut expired = caller(&server, 1, "user", Some("x")).sessions;
    let token = format!("Bearer {good}");
    let answer = call_with(&server.channel, list, &[("authorization", &token)], vec![]).await;
    let status = answer.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::Unauthenticated, "TOKEN_EXPIRED".into())
    );
    // A new one is let in.
    let request = pb::ListSessionsRequest::default();
    assert!(expired.list_sessions(request).await.is_ok());
}

#[tokio::test]
async fn a_tenant_that_is_not_the_tokens_is_refused() {
    let server = Server::with(setup()).await;
    let bearer = format!("Bearer {}", token(&server, 1, "service", None));
    let (own, other) = (tenant(1).to_string(), tenant(2).to_string());
    let list = "/dwell.v1.SessionService/ListSessions";
    let named = async |tenant: &str| {
        let metadata = [("authorization", &*bearer), ("x-tenant-id", tenant)];
        call_with(&server.channel, list, &metadata, vec![Vec::new()]).await
    };
    assert!(named(&own).await.is_ok());
    let status = named(&other).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::PermissionDenied, "OTHER_TENANT".into())
    );
}

#[tokio::test]
async fn tokens_keep_tenants_apart() {
    let server = Server::with(setup()).await;
    let mut service = caller(&server, 1, "service", None);
    let session = service.start(start(USER)).await;
    assert_eq!(service.get(&session.id).await.id, session.id);
    assert_eq!(
        caller(&server, 1, "admin", None).get(&session.id).await.id,
        session.id
    );
    let request = pb::GetSessionRequest {
        session_id: session.id,
    };
    for (role, user) in [("service", None), ("admin", None), ("user", Some(USER))] {
        let mut other = caller(&server, 2, role, user).sessions;
        let status = other.get_session(request.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound, "{role}");
    }
}
