//! Bad input, field by field: `INVALID_ARGUMENT` names exactly the fields that are wrong, and
//! nothing is written.

mod call;
mod coverage;
mod ending;
mod goals;
mod listing;
mod performance;
mod practice;
mod privacy;
mod reports;
mod rows;
mod sessions;
mod tenants;
mod usage;

use std::collections::BTreeSet;

use dwell::pb::v1 as pb;

use self::{call::Refusal, rows::Row};
use crate::{
    harness::{Caller, MORNING, Server},
    values::{OTHER_USER, SESSION, USER, id, time},
};

on_both_engines! {
    bad_fields_are_all_named_and_nothing_is_written
    what_is_just_right_is_accepted
}

/// Tokens from real answers.
pub struct Tokens {
    pub sessions: String,
    pub activities: String,
    pub users: String,
    pub days: String,
    pub goals: String,
    pub progress: String,
    pub watch: String,
    /// Of the same lists of another tenant.
    pub foreign: Vec<String>,
}

/// Every row. Those without fields are accepted.
fn table(tokens: &Tokens) -> Vec<Row> {
    let mut rows = sessions::rows(tokens);
    rows.extend(usage::rows(tokens));
    rows.extend(performance::rows());
    rows.extend(tenants::rows());
    rows.extend(practice::rows());
    rows.extend(reports::rows(tokens));
    rows.extend(goals::rows(tokens));
    rows.extend(privacy::rows());
    rows
}

async fn bad_fields_are_all_named_and_nothing_is_written(server: Server) {
    let mut caller = server.tenant(1);
    let tokens = furnish(&server).await;
    let before = everything(&mut caller).await;
    let mut wrong = Vec::new();
    for row in table(&tokens) {
        if row.fields.is_empty() {
            continue;
        }
        let answer = row.call.clone().send(&mut caller).await;
        let expected = Err(Refusal::invalid(&row.fields));
        if answer != expected {
            wrong.push((row.call, answer, expected));
        }
    }
    assert!(wrong.is_empty(), "{} of them: {wrong:#?}", wrong.len());
    assert_eq!(everything(&mut caller).await, before);
}

async fn what_is_just_right_is_accepted(server: Server) {
    let mut caller = server.tenant(1);
    let tokens = furnish(&server).await;
    let mut wrong = Vec::new();
    for (number, row) in (0_u128..).zip(table(&tokens)) {
        if !row.fields.is_empty() {
            continue;
        }
        // Some of them end it.
        let session_id = id(0xffff_0000 + number);
        let start = pb::StartSessionRequest {
            user_id: USER.to_owned(),
            session_id: session_id.clone(),
            ..Default::default()
        };
        caller.start(start).await;
        let call = row.call.on_session(&session_id);
        if let Err(refusal) = call.clone().send(&mut caller).await {
            wrong.push((call, refusal));
        }
    }
    assert!(wrong.is_empty(), "{} of them: {wrong:#?}", wrong.len());
}

/// Something to list, for two tenants, and settings that know a long client type.
async fn furnish(server: &Server) -> Tokens {
    // Some time ago, so that a later write shows.
    server.set_clock("2026-03-02T08:59:00Z");
    let own = fill(&mut server.tenant(1)).await;
    let foreign = fill(&mut server.tenant(2)).await;
    server.set_clock(MORNING);
    let [sessions, activities, users, days, goals, progress, watch] = own;
    Tokens {
        sessions,
        activities,
        users,
        days,
        goals,
        progress,
        watch,
        foreign: foreign.to_vec(),
    }
}

/// Two of everything, and the tokens of pages of one.
async fn fill(caller: &mut Caller) -> [String; 7] {
    let long = "a".repeat(50);
    caller
        .set(pb::TenantSettings {
            client_types: vec!["web".to_owned(), "unknown".to_owned(), long],
            ..Default::default()
        })
        .await;
    for (user, session) in [(USER, SESSION), (OTHER_USER, &*id(1))] {
        caller
            .start(pb::StartSessionRequest {
                user_id: user.to_owned(),
                session_id: session.to_owned(),
                ..Default::default()
            })
            .await;
        let activity = pb::LogActivityRequest {
            session_id: SESSION.to_owned(),
            activity_type: "reading".to_owned(),
            ..Default::default()
        };
        caller.sessions.log_activity(activity).await.unwrap();
    }
    let page = pb::ListSessionsRequest {
        page_size: 1,
        ..Default::default()
    };
    let sessions = caller.sessions.list_sessions(page).await.unwrap();
    let page = pb::ListActivitiesRequest {
        session_id: SESSION.to_owned(),
        page_size: 1,
        ..Default::default()
    };
    let activities = caller.sessions.list_activities(page).await.unwrap();
    let page = pb::ListUserSummariesRequest {
        page_size: 1,
        ..Default::default()
    };
    let users = caller.usage.list_user_summaries(page).await.unwrap();
    let mut days = caller.usage.stream_usage_stats(always()).await.unwrap();
    let day = days.get_mut().message().await.unwrap().unwrap();
    let [goals, progress] = goals::fill(caller).await;
    let all = pb::WatchSessionsRequest::default();
    let mut events = caller.sessions.watch_sessions(all).await.unwrap();
    let first = events.get_mut().message().await.unwrap().unwrap();
    [
        sessions.into_inner().next_page_token,
        activities.into_inner().next_page_token,
        users.into_inner().next_page_token,
        day.resume_token,
        goals,
        progress,
        first.resume_token,
    ]
}

/// Every day that there is.
pub fn always() -> pb::StreamUsageStatsRequest {
    pb::StreamUsageStatsRequest {
        start_date: "2000-01-01".to_owned(),
        end_date: "2100-01-01".to_owned(),
        ..Default::default()
    }
}

/// All that a tenant can see of itself.
async fn everything(caller: &mut Caller) -> Vec<String> {
    let sessions = pb::ListSessionsRequest {
        page_size: 1_000,
        include_totals: true,
        ..Default::default()
    };
    let sessions = caller.sessions.list_sessions(sessions).await.unwrap();
    let mut all = vec![format!("{:#?}", sessions.get_ref())];
    for session in sessions.into_inner().sessions {
        let activities = pb::ListActivitiesRequest {
            session_id: session.id,
            page_size: 1_000,
            ..Default::default()
        };
        let activities = caller.sessions.list_activities(activities).await.unwrap();
        all.push(format!("{:#?}", activities.into_inner()));
    }
    let users = pb::ListUserSummariesRequest {
        inactive_since: time("2100-01-01T00:00:00Z"),
        page_size: 1_000,
        ..Default::default()
    };
    let users = caller.usage.list_user_summaries(users).await.unwrap();
    all.push(format!("{:#?}", users.into_inner()));
    let days = caller.usage.stream_usage_stats(always()).await.unwrap();
    let mut days = days.into_inner();
    while let Some(day) = days.message().await.unwrap() {
        all.push(format!("{day:#?}"));
    }
    all.extend(goals::everything(caller).await);
    let settings = pb::GetTenantSettingsRequest {};
    let settings = caller.settings.get_tenant_settings(settings).await.unwrap();
    all.push(format!("{:#?}", settings.into_inner()));
    all
}

#[test]
fn every_field_of_every_request_is_in_the_table() {
    let nothing = Tokens {
        sessions: String::new(),
        activities: String::new(),
        users: String::new(),
        days: String::new(),
        goals: String::new(),
        progress: String::new(),
        watch: String::new(),
        foreign: Vec::new(),
    };
    let covered: BTreeSet<_> = table(&nothing)
        .into_iter()
        .flat_map(|row| {
            let request = row.call.path();
            let fields = row.fields.into_iter();
            fields.map(move |field| format!("{request}.{}", coverage::without_index(&field)))
        })
        .collect();
    coverage::assert_complete(&covered);
}
