//! Nobody acts without a tenant, and tenants know nothing of each other.

use dwell::pb::v1 as pb;
use tokio_stream::once;
use tonic::{Code, Response, Status, Streaming};

use crate::{
    harness::{Caller, Insights, Reports, Server},
    support::ids::tenant,
    values::{OTHER_USER, SESSION, USER, id, reason, start},
    wire::{SERVICES, call, methods},
};

on_both_engines! {
    what_is_another_tenants_looks_like_what_is_not_there
    a_session_id_of_another_tenant_is_free
}

#[tokio::test]
async fn no_rpc_answers_without_one_tenant() {
    let server = Server::sqlite().await;
    let (own, other) = (tenant(1).to_string(), tenant(2).to_string());
    let simple = own.replace('-', "");
    let bad: [&[&str]; 8] = [
        &[],
        &[""],
        &["acme"],
        &[&simple],
        &["00000000-0000-0000-0000-000000000000"],
        &[&own, &other],
        &[&own, &own],
        &["00000000-0000-0000-0000-00000000000g"],
    ];
    let methods = methods(&SERVICES);
    assert_eq!(methods.len(), 39);
    for (method, _) in methods {
        for tenants in bad {
            let answer = call(&server.channel, &method, tenants, vec![Vec::new()]).await;
            let status = answer.expect_err(&method);
            assert_eq!(status.code(), Code::Unauthenticated, "{method} {tenants:?}");
            assert_eq!(reason(&status), "TENANT_UNKNOWN");
        }
    }
}

#[tokio::test]
async fn a_tenant_in_capitals_is_the_same_tenant() {
    let server = Server::sqlite().await;
    server.tenant(0xabc).start(start(USER)).await;
    let method = "/dwell.v1.SessionService/ListSessions";
    let named = tenant(0xabc).to_string().to_uppercase();
    let answers = call(&server.channel, method, &[&named], vec![Vec::new()]).await;
    assert!(!answers.unwrap()[0].is_empty());
}

async fn what_is_another_tenants_looks_like_what_is_not_there(server: Server) {
    let mut owner = server.tenant(2);
    let session = pb::StartSessionRequest {
        session_id: SESSION.to_owned(),
        ..start(USER)
    };
    owner.start(session).await;
    let mut other = server.tenant(1);
    // The settings of both are their own, whatever has been said before.
    other.start(start(OTHER_USER)).await;
    let before = owner.get(SESSION).await;
    let foreign = answers(&mut other, SESSION, USER).await;
    let unknown = answers(&mut other, &id(404), &id(405)).await;
    let masked = |answers: Vec<String>, session: &str, user: &str| {
        let masked = answers.into_iter();
        let masked = masked.map(|text| text.replace(session, "SESSION").replace(user, "USER"));
        masked.collect::<Vec<_>>()
    };
    assert_eq!(
        masked(foreign, SESSION, USER),
        masked(unknown, &id(404), &id(405))
    );
    assert_eq!(owner.get(SESSION).await, before);
}

async fn a_session_id_of_another_tenant_is_free(server: Server) {
    let session = pb::StartSessionRequest {
        session_id: SESSION.to_owned(),
        ..start(USER)
    };
    for number in [1, 2] {
        let mut caller = server.tenant(number);
        let answer = caller.sessions.start_session(session.clone()).await;
        assert!(answer.unwrap().get_ref().created);
        assert_eq!(caller.summary(USER).await.login_count, 1);
    }
}

/// What every RPC answers that names a session or a user.
async fn answers(caller: &mut Caller, session: &str, user: &str) -> Vec<String> {
    let session_id = || session.to_owned();
    let user_id = || user.to_owned();
    let (start_date, end_date) = ("2026-01-01".to_owned(), "2026-12-31".to_owned());
    let Caller {
        sessions,
        usage,
        insights,
        reports,
        ..
    } = caller;
    let end = pb::EndSessionRequest {
        session_id: session_id(),
        ..Default::default()
    };
    let heartbeat = pb::HeartbeatRequest {
        session_id: session_id(),
    };
    let streamed = pb::StreamHeartbeatsRequest {
        session_id: session_id(),
    };
    let pause = pb::PauseSessionRequest {
        session_id: session_id(),
    };
    let resume = pb::ResumeSessionRequest {
        session_id: session_id(),
    };
    let get = pb::GetSessionRequest {
        session_id: session_id(),
    };
    let list = pb::ListSessionsRequest {
        user_id: user_id(),
        include_totals: true,
        ..Default::default()
    };
    let revoke_one = pb::RevokeSessionsRequest {
        session_ids: vec![session_id()],
        ..Default::default()
    };
    let revoke_all = pb::RevokeSessionsRequest {
        user_id: user_id(),
        ..Default::default()
    };
    let count = pb::RevokeSessionsRequest {
        dry_run: true,
        ..revoke_one.clone()
    };
    let log = pb::LogActivityRequest {
        session_id: session_id(),
        activity_type: "reading".to_owned(),
        ..Default::default()
    };
    let activities = pb::ListActivitiesRequest {
        session_id: session_id(),
        ..Default::default()
    };
    let days = pb::GetUserUsageStatsRequest {
        user_id: user_id(),
        start_date: start_date.clone(),
        end_date: end_date.clone(),
        include_open_sessions: true,
    };
    let stream = pb::StreamUsageStatsRequest {
        start_date,
        end_date,
        user_ids: vec![user_id()],
        ..Default::default()
    };
    let summary = pb::GetUserSummaryRequest { user_id: user_id() };
    let mut answers = vec![
        plain(sessions.end_session(end).await),
        plain(sessions.heartbeat(heartbeat).await),
        all(sessions.stream_heartbeats(once(streamed)).await).await,
        plain(sessions.pause_session(pause).await),
        plain(sessions.resume_session(resume).await),
        plain(sessions.get_session(get).await),
        plain(sessions.list_sessions(list).await),
        plain(sessions.revoke_sessions(count).await),
        plain(sessions.revoke_sessions(revoke_one).await),
        plain(sessions.revoke_sessions(revoke_all).await),
        plain(sessions.log_activity(log).await),
        plain(sessions.list_activities(activities).await),
        plain(usage.get_user_usage_stats(days).await),
        all(usage.stream_usage_stats(stream).await).await,
        plain(usage.get_user_summary(summary).await),
    ];
    answers.extend(practice(insights, user).await);
    answers.extend(performance(insights, user).await);
    answers.extend(pages(reports, user).await);
    answers
}

/// What the RPCs about reports and files answer.
async fn pages(reports: &mut Reports, user: &str) -> Vec<String> {
    let user_id = || user.to_owned();
    let daily = pb::GetDailyReportRequest {
        user_id: user_id(),
        ..Default::default()
    };
    let weekly = pb::GetWeeklyReportRequest {
        user_id: user_id(),
        ..Default::default()
    };
    let monthly = pb::GetMonthlyReportRequest {
        user_id: user_id(),
        ..Default::default()
    };
    let export = pb::ExportSessionsRequest {
        filter: Some(pb::ListSessionsRequest {
            user_id: user_id(),
            ..Default::default()
        }),
        ..Default::default()
    };
    vec![
        plain(reports.get_daily_report(daily).await),
        plain(reports.get_weekly_report(weekly).await),
        plain(reports.get_monthly_report(monthly).await),
        all(reports.export_sessions(export).await).await,
    ]
}

/// What the RPCs about performance answer.
async fn performance(insights: &mut Insights, user: &str) -> Vec<String> {
    let user_id = || user.to_owned();
    let stats = pb::GetSessionStatsRequest {
        user_id: user_id(),
        ..Default::default()
    };
    let warmup = pb::GetWarmupRequest { user_id: user_id() };
    let overview = pb::GetPerformanceOverviewRequest {
        user_id: user_id(),
        ..Default::default()
    };
    let trend = pb::GetPerformanceTrendRequest {
        user_id: user_id(),
        metric: 1,
        ..Default::default()
    };
    let compare = |by| pb::ComparePerformanceRequest {
        user_id: user_id(),
        by,
        ..Default::default()
    };
    vec![
        plain(insights.get_session_stats(stats).await),
        plain(insights.get_warmup(warmup).await),
        plain(insights.get_performance_overview(overview).await),
        plain(insights.get_performance_trend(trend).await),
        plain(insights.compare_performance(compare(1)).await),
        plain(insights.compare_performance(compare(2)).await),
        plain(insights.compare_performance(compare(3)).await),
    ]
}

/// What the RPCs about practice answer.
async fn practice(insights: &mut Insights, user: &str) -> Vec<String> {
    let user_id = || user.to_owned();
    let range = Some(pb::DateRange {
        start_date: "2026-01-01".to_owned(),
        end_date: "2026-12-31".to_owned(),
    });
    let statistics = pb::GetUserStatisticsRequest {
        user_id: user_id(),
        range: range.clone(),
    };
    let in_a_row = pb::GetStreakRequest { user_id: user_id() };
    let calendar = pb::GetCalendarRequest {
        user_id: user_id(),
        range,
        include_sessions: true,
    };
    let frequency = pb::GetPracticeFrequencyRequest {
        user_id: user_id(),
        days: 0,
    };
    let subjects = pb::ListTopSubjectsRequest {
        user_id: user_id(),
        ..Default::default()
    };
    vec![
        plain(insights.get_user_statistics(statistics).await),
        plain(insights.get_streak(in_a_row).await),
        plain(insights.get_calendar(calendar).await),
        plain(insights.get_practice_frequency(frequency).await),
        plain(insights.list_top_subjects(subjects).await),
    ]
}

/// All that a caller sees of it.
fn plain<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> String {
    let answer = answer.map(Response::into_inner);
    let seen = answer.map_err(|status| {
        let details = status.details().to_vec();
        (status.code(), status.message().to_owned(), details)
    });
    format!("{seen:?}")
}

async fn all<T: std::fmt::Debug>(answers: Result<Response<Streaming<T>>, Status>) -> String {
    let mut answers = answers.unwrap().into_inner();
    let mut all = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        all.push(answer);
    }
    format!("{all:?}")
}
