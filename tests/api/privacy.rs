//! What a tenant owes its users: their data, and to forget it.

use std::{collections::BTreeMap, time::Duration};

use dwell::pb::v1 as pb;
use serde_json::Value;
use tokio_stream::once;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    harness::{Caller, MORNING, Server},
    values::{OTHER_USER, USER, id, reason, seconds, start, time},
};

on_both_engines! {
    a_user_is_deleted_and_stays_so
    late_writes_for_a_deleted_user_are_refused
    an_export_tells_what_is_kept
    old_sessions_are_purged
    deletion_of_one_tenants_user_is_not_anothers
}

const TABLES: [&str; 13] = [
    "goal_progress",
    "goals",
    "performance_days",
    "performance_months",
    "points_outbox",
    "session_activities",
    "session_events",
    "usage_requests",
    "user_practice_times",
    "user_sessions",
    "user_subject_days",
    "user_usage_stats",
    "users",
];

/// A session of ten minutes with an activity, and recorded usage.
async fn furnish(server: &Server, caller: &mut Caller, user: &str) -> pb::Session {
    let mut login = start(user);
    "203.0.113.7".clone_into(&mut login.ip_address);
    login.subject = Some(pb::Subject {
        r#type: "class".to_owned(),
        id: "algebra".to_owned(),
        name: "Algebra".to_owned(),
    });
    let session = caller.start(login).await;
    let activity = pb::LogActivityRequest {
        session_id: session.id.clone(),
        activity_type: "reading".to_owned(),
        ..Default::default()
    };
    caller.sessions.log_activity(activity).await.unwrap();
    server.pass(Duration::from_mins(10));
    caller.record_usage(usage(user)).await;
    caller.goals.create_goal(goal(user)).await.unwrap();
    let end = pb::EndSessionRequest {
        session_id: session.id,
        ..Default::default()
    };
    caller.end(end).await
}

fn goal(user: &str) -> pb::CreateGoalRequest {
    let goal = pb::Goal {
        user_id: user.to_owned(),
        goal_type: pb::GoalType::StudyTime.into(),
        name: "An hour".to_owned(),
        target_value: 60.0,
        target_date: "2026-03-31".to_owned(),
        ..Default::default()
    };
    pb::CreateGoalRequest { goal: Some(goal) }
}

fn usage(user: &str) -> pb::RecordUsageRequest {
    pb::RecordUsageRequest {
        user_id: user.to_owned(),
        request_id: user.to_owned(),
        increment: Some(pb::UsageIncrement {
            documents_accessed: 3,
            ..Default::default()
        }),
        ..Default::default()
    }
}

async fn delete(
    caller: &mut Caller,
    user: &str,
    dry_run: bool,
) -> Result<pb::DeleteUserDataResponse, Status> {
    let request = pb::DeleteUserDataRequest {
        user_id: user.to_owned(),
        dry_run,
    };
    let answer = caller.settings.delete_user_data(request).await?;
    Ok(answer.into_inner())
}

async fn export(caller: &mut Caller, user: &str) -> Result<Vec<Vec<u8>>, Status> {
    let request = pb::ExportUserDataRequest {
        user_id: user.to_owned(),
    };
    let answers = caller.settings.export_user_data(request).await?;
    let mut answers = answers.into_inner();
    let mut chunks = Vec::new();
    while let Some(answer) = answers.message().await? {
        chunks.push(answer.chunk);
    }
    Ok(chunks)
}

async fn purge(caller: &mut Caller, before: &str, dry_run: bool) -> i64 {
    let request = pb::PurgeSessionsRequest {
        before: time(before),
        dry_run,
    };
    let answer = caller.settings.purge_sessions(request).await.unwrap();
    answer.into_inner().purged_count
}

fn sum(receipt: &pb::DeleteUserDataResponse) -> i64 {
    receipt.deleted_rows.values().sum()
}

async fn report(caller: &mut Caller) -> pb::GetTenantUsageReportResponse {
    let request = pb::GetTenantUsageReportRequest {
        start_date: "2026-03-01".to_owned(),
        end_date: "2026-03-03".to_owned(),
        ..Default::default()
    };
    let answer = caller.usage.get_tenant_usage_report(request).await;
    answer.unwrap().into_inner()
}

async fn a_user_is_deleted_and_stays_so(server: Server) {
    let mut caller = server.tenant(1);
    let unknown = delete(&mut caller, USER, false).await.unwrap_err();
    assert_eq!(reason(&unknown), "USER_NOT_FOUND");
    let unknown = delete(&mut caller, USER, true).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);

    let session = furnish(&server, &mut caller, USER).await;
    furnish(&server, &mut caller, OTHER_USER).await;
    let sums = report(&mut caller).await;
    let dry = delete(&mut caller, USER, true).await.unwrap();
    assert_eq!(dry.delete_time, None);
    assert_eq!(caller.summary(USER).await.login_count, 1);

    let receipt = delete(&mut caller, USER, false).await.unwrap();
    assert_eq!(receipt.deleted_rows, dry.deleted_rows);
    let mut tables: Vec<_> = receipt.deleted_rows.keys().collect();
    tables.sort();
    assert_eq!(tables, TABLES);
    assert_eq!((sum(&receipt), receipt.deleted_rows["users"]), (14, 1));
    assert_eq!(receipt.delete_time, time("2026-03-02T09:20:00Z"));

    server.pass(Duration::from_mins(1));
    for dry_run in [false, true] {
        let again = delete(&mut caller, USER, dry_run).await.unwrap();
        assert_eq!((sum(&again), again.deleted_rows.len()), (0, TABLES.len()));
        assert_eq!(again.delete_time, receipt.delete_time);
    }
    let get = pb::GetSessionRequest {
        session_id: session.id,
    };
    let gone = caller.sessions.get_session(get).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    let summary = pb::GetUserSummaryRequest {
        user_id: USER.to_owned(),
    };
    let gone = caller.usage.get_user_summary(summary).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    // What all users add up to says nothing of one.
    assert_eq!(report(&mut caller).await, sums);
    assert_eq!(caller.summary(OTHER_USER).await.login_count, 1);
}

async fn late_writes_for_a_deleted_user_are_refused(server: Server) {
    let mut caller = server.tenant(1);
    let open = caller.start(start(USER)).await;
    delete(&mut caller, USER, false).await.unwrap();
    server.pass(Duration::from_mins(1));
    let record = pb::RecordSessionRequest {
        user_id: USER.to_owned(),
        duration: seconds(60),
        ..Default::default()
    };
    let refusals = [
        caller.sessions.start_session(start(USER)).await.map(drop),
        caller.sessions.record_session(record).await.map(drop),
        caller.usage.record_usage(usage(USER)).await.map(drop),
        caller.goals.create_goal(goal(USER)).await.map(drop),
    ];
    for refused in refusals {
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert_eq!(reason(&refused), "USER_DELETED");
        let info = refused.get_details_error_info().unwrap();
        assert_eq!(info.metadata["delete_time"], "2026-03-02T09:00:00+00:00");
        assert!(!format!("{refused:?}").contains(USER), "{refused:?}");
    }
    let import = pb::ImportUsageRequest {
        record: Some(usage(USER)),
    };
    let answers = caller.usage.import_usage(once(import)).await.unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap();
    assert_eq!(answer.code, i32::from(Code::FailedPrecondition));
    let beat = pb::HeartbeatRequest {
        session_id: open.id,
    };
    let refused = caller.sessions.heartbeat(beat).await.unwrap_err();
    assert_eq!(reason(&refused), "SESSION_NOT_FOUND");
    assert_eq!(sum(&delete(&mut caller, USER, true).await.unwrap()), 0);
}

async fn an_export_tells_what_is_kept(server: Server) {
    let mut caller = server.tenant(1);
    let unknown = export(&mut caller, USER).await.unwrap_err();
    assert_eq!(reason(&unknown), "USER_NOT_FOUND");
    let session = furnish(&server, &mut caller, USER).await;
    furnish(&server, &mut caller, OTHER_USER).await;
    // Enough of it for some chunks.
    for day in 1..=400_u64 {
        let mut more = usage(USER);
        let date = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new(day);
        more.date = date.to_string();
        more.request_id = id(u128::from(day));
        caller.record_usage(more).await;
    }
    let chunks = export(&mut caller, USER).await.unwrap();
    assert!(chunks.len() > 2);
    assert!(chunks.iter().all(|chunk| chunk.len() <= 64 * 1024));
    let text = String::from_utf8(chunks.concat()).unwrap();
    assert!(text.ends_with('\n') && !text.contains(OTHER_USER));
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let table = line["table"].as_str().unwrap().to_owned();
        if table == "user_sessions" {
            assert_eq!(line["row"]["id"], *session.id);
            assert_eq!(line["row"]["ip_address"], "203.0.113.7");
            assert_eq!(line["row"]["started_at"], MORNING);
        }
        *counts.entry(table).or_insert(0_i64) += 1;
    }
    let mut kept = delete(&mut caller, USER, true).await.unwrap().deleted_rows;
    kept.retain(|_, rows| *rows > 0);
    assert_eq!(counts, kept.into_iter().collect());
    assert_eq!(counts["user_usage_stats"], 401);

    delete(&mut caller, USER, false).await.unwrap();
    let gone = export(&mut caller, USER).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

async fn old_sessions_are_purged(server: Server) {
    let mut caller = server.tenant(1);
    let old = furnish(&server, &mut caller, USER).await;
    let newer = furnish(&server, &mut caller, USER).await;
    let before = "2026-03-02T09:20:00Z";
    let days = caller.summary(USER).await;
    assert_eq!(purge(&mut caller, before, true).await, 1);
    caller.get(&old.id).await;
    assert_eq!(purge(&mut caller, before, false).await, 1);
    assert_eq!(purge(&mut caller, before, false).await, 0);
    let get = pb::GetSessionRequest {
        session_id: old.id.clone(),
    };
    let gone = caller.sessions.get_session(get).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    caller.get(&newer.id).await;
    assert_eq!(caller.summary(USER).await, days);
}

async fn deletion_of_one_tenants_user_is_not_anothers(server: Server) {
    let (mut one, mut two) = (server.tenant(1), server.tenant(2));
    furnish(&server, &mut one, USER).await;
    furnish(&server, &mut two, USER).await;
    let mut three = server.tenant(3);
    for dry_run in [true, false] {
        let foreign = delete(&mut three, USER, dry_run).await.unwrap_err();
        assert_eq!(foreign.code(), Code::NotFound);
    }
    let foreign = export(&mut three, USER).await.unwrap_err();
    assert_eq!(foreign.code(), Code::NotFound);
    assert_eq!(purge(&mut three, "2026-03-02T09:20:00Z", false).await, 0);
    delete(&mut one, USER, false).await.unwrap();
    assert_eq!(two.summary(USER).await.login_count, 1);
    assert_eq!(sum(&delete(&mut two, USER, true).await.unwrap()), 14);
}
