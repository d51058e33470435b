//! Lists and what is done to many sessions at once.

use std::time::Duration;

use dwell::pb::v1 as pb;
use serde_json::json;

use crate::{
    harness::{Caller, Server},
    values::{OTHER_USER, USER, id, refusal, seconds, start, structure, time},
};

on_both_engines! {
    sessions_are_listed_newest_first_page_by_page
    totals_count_all_that_match
    each_filter_selects
    equal_starts_are_on_one_page_or_the_other
    one_users_sessions_are_revoked_but_for_one
    these_sessions_are_revoked_whosever_they_are
    an_activity_answers_with_what_was_given
    activities_are_listed_oldest_first_page_by_page
    the_same_activity_again_changes_nothing
}

/// Starts so many sessions, a minute apart, and returns their ids.
async fn several(server: &Server, caller: &mut Caller, count: u128) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        let request = pb::StartSessionRequest {
            session_id: id(number),
            ..start(USER)
        };
        ids.push(caller.start(request).await.id);
        server.pass(Duration::from_mins(1));
    }
    ids
}

async fn list(caller: &mut Caller, request: pb::ListSessionsRequest) -> Vec<String> {
    let answer = caller.sessions.list_sessions(request).await.unwrap();
    let sessions = answer.into_inner().sessions;
    sessions.into_iter().map(|session| session.id).collect()
}

async fn sessions_are_listed_newest_first_page_by_page(server: Server) {
    let mut caller = server.tenant(1);
    let mut expected = several(&server, &mut caller, 5).await;
    expected.reverse();
    let mut request = pb::ListSessionsRequest {
        page_size: 2,
        ..Default::default()
    };
    let mut sizes = Vec::new();
    let mut listed = Vec::new();
    loop {
        let page = caller.sessions.list_sessions(request.clone()).await;
        let page = page.unwrap().into_inner();
        assert_eq!(page.totals, None);
        sizes.push(page.sessions.len());
        listed.extend(page.sessions.into_iter().map(|session| session.id));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
        // The size of a page may change on the way, and what starts later is not on it.
        request.page_size = 1;
        caller.start(start(USER)).await;
    }
    assert_eq!(sizes, [2, 1, 1, 1]);
    assert_eq!(listed, expected);
    let whole = pb::ListSessionsRequest {
        page_size: 8,
        ..Default::default()
    };
    let whole = caller.sessions.list_sessions(whole).await.unwrap();
    assert_eq!(whole.get_ref().sessions.len(), 8);
    assert_eq!(whole.get_ref().next_page_token, "");
}

async fn totals_count_all_that_match(server: Server) {
    let mut caller = server.tenant(1);
    let ids = several(&server, &mut caller, 4).await;
    for session_id in &ids[..2] {
        let end = pb::EndSessionRequest {
            session_id: session_id.clone(),
            ..Default::default()
        };
        caller.end(end).await;
        server.pass(Duration::from_secs(30));
    }
    let request = pb::ListSessionsRequest {
        page_size: 1,
        include_totals: true,
        ..Default::default()
    };
    let answer = caller.sessions.list_sessions(request.clone()).await;
    let totals = answer.unwrap().into_inner().totals.unwrap();
    // Ended after 4:00 and 3:30; open since 3:00 and 2:00 to now, which is 4:00 + 1:00.
    let expected = pb::SessionTotals {
        session_count: 4,
        total_seconds: 240 + 210 + 180 + 120,
        average_seconds: 225.0,
    };
    assert_eq!(totals, expected);
    let none = pb::ListSessionsRequest {
        user_id: OTHER_USER.to_owned(),
        ..request
    };
    let answer = caller.sessions.list_sessions(none).await.unwrap();
    assert_eq!(
        answer.into_inner().totals,
        Some(pb::SessionTotals::default())
    );
}

async fn each_filter_selects(server: Server) {
    type Request = pb::ListSessionsRequest;
    let mut caller = server.tenant(1);
    several(&server, &mut caller, 1).await;
    let other = pb::StartSessionRequest {
        session_id: id(100),
        session_type: "solo".to_owned(),
        client_type: "web".to_owned(),
        subject: Some(pb::Subject {
            r#type: "class".to_owned(),
            id: "es".to_owned(),
            name: "Spanish".to_owned(),
        }),
        ..start(OTHER_USER)
    };
    let other = caller.start(other).await.id;
    let end = pb::EndSessionRequest {
        session_id: other.clone(),
        progress: Some(0.6),
        ..Default::default()
    };
    caller.end(end).await;
    let about = |kind: &str, id: &str| {
        Some(pb::Subject {
            r#type: kind.to_owned(),
            id: id.to_owned(),
            name: String::new(),
        })
    };
    let rows: [fn(&mut Request, Option<pb::Subject>); 9] = [
        |r, _| r.user_id = OTHER_USER.into(),
        |r, _| r.states = vec![3, 3],
        |r, _| r.session_type = "solo".into(),
        |r, _| r.client_type = "web".into(),
        |r, _| r.completion_status = pb::CompletionStatus::Partial.into(),
        |r, _| r.end_reason = pb::EndReason::Logout.into(),
        |r, class| r.subject = class,
        |r, _| r.start_time_from = time("2026-03-02T09:01:00Z"),
        |r, _| {
            r.start_time_from = time("2026-03-02T09:00:00.000001Z");
            r.start_time_until = time("2026-03-02T09:01:00.000001Z");
        },
    ];
    for (number, filter) in rows.into_iter().enumerate() {
        let mut request = Request::default();
        filter(&mut request, about("class", ""));
        assert_eq!(
            list(&mut caller, request).await,
            [other.as_str()],
            "row {number}"
        );
    }
    let none: [fn(&mut Request, Option<pb::Subject>); 3] = [
        |r, _| r.states = vec![pb::SessionState::Paused.into()],
        |r, class| r.subject = class,
        |r, _| r.start_time_until = time("2026-03-02T09:00:00Z"),
    ];
    for (number, filter) in none.into_iter().enumerate() {
        let mut request = Request::default();
        filter(&mut request, about("class", "fr"));
        assert!(list(&mut caller, request).await.is_empty(), "row {number}");
    }
}

async fn equal_starts_are_on_one_page_or_the_other(server: Server) {
    let mut caller = server.tenant(1);
    for number in 0..5 {
        let request = pb::StartSessionRequest {
            session_id: id(number),
            ..start(USER)
        };
        caller.start(request).await;
    }
    let mut request = pb::ListSessionsRequest {
        page_size: 2,
        ..Default::default()
    };
    let mut listed = Vec::new();
    for _ in 0..3 {
        let page = caller.sessions.list_sessions(request.clone()).await;
        let page = page.unwrap().into_inner();
        listed.extend(page.sessions.into_iter().map(|session| session.id));
        request.page_token = page.next_page_token;
    }
    assert_eq!(request.page_token, "");
    let expected: Vec<_> = (0..5).rev().map(id).collect();
    assert_eq!(listed, expected);
}

async fn one_users_sessions_are_revoked_but_for_one(server: Server) {
    let mut caller = server.tenant(1);
    let ids = several(&server, &mut caller, 3).await;
    let others = caller.start(start(OTHER_USER)).await;
    let request = pb::RevokeSessionsRequest {
        user_id: USER.to_owned(),
        except_session_id: ids[1].clone(),
        dry_run: true,
        ..Default::default()
    };
    let expected = pb::RevokeSessionsResponse {
        revoked_count: 2,
        session_ids: vec![ids[0].clone(), ids[2].clone()],
    };
    let counted = caller.sessions.revoke_sessions(request.clone()).await;
    assert_eq!(counted.unwrap().into_inner(), expected);
    assert_eq!(caller.get(&ids[0]).await.state(), pb::SessionState::Active);

    let request = pb::RevokeSessionsRequest {
        dry_run: false,
        ..request
    };
    let revoked = caller.sessions.revoke_sessions(request.clone()).await;
    assert_eq!(revoked.unwrap().into_inner(), expected);
    let session = caller.get(&ids[0]).await;
    assert_eq!(session.end_reason(), pb::EndReason::Revoked);
    assert_eq!(session.duration, seconds(180));
    assert_eq!(
        session.completion_status(),
        pb::CompletionStatus::Unspecified
    );
    for open in [&ids[1], &others.id] {
        assert_eq!(caller.get(open).await.state(), pb::SessionState::Active);
    }
    let again = caller.sessions.revoke_sessions(request).await.unwrap();
    assert_eq!(again.into_inner(), pb::RevokeSessionsResponse::default());
}

async fn these_sessions_are_revoked_whosever_they_are(server: Server) {
    let mut caller = server.tenant(1);
    let ids = several(&server, &mut caller, 2).await;
    let other = caller.start(start(OTHER_USER)).await.id;
    let end = pb::EndSessionRequest {
        session_id: ids[0].clone(),
        ..Default::default()
    };
    caller.end(end).await;
    // Ended, unknown and named twice.
    let request = pb::RevokeSessionsRequest {
        session_ids: vec![
            ids[0].clone(),
            id(404),
            ids[1].clone(),
            other.clone(),
            other.clone(),
        ],
        ..Default::default()
    };
    let mut expected = vec![ids[1].clone(), other];
    expected.sort();
    let revoked = caller.sessions.revoke_sessions(request).await.unwrap();
    assert_eq!(revoked.get_ref().session_ids, expected);
    assert_eq!(revoked.get_ref().revoked_count, 2);
    assert_eq!(caller.summary(OTHER_USER).await.open_sessions, 0);
}

async fn an_activity_answers_with_what_was_given(server: Server) {
    let mut caller = server.tenant(1);
    let session_id = caller.start(start(USER)).await.id;
    server.pass(Duration::from_mins(10));
    let request = pb::LogActivityRequest {
        session_id: session_id.clone(),
        activity_id: id(1).to_uppercase(),
        activity_type: "flashcards".to_owned(),
        content_type: "flashcard_deck".to_owned(),
        content_id: "deck/7 é".to_owned(),
        duration: seconds(90),
        items_completed: 7,
        items_correct: 5,
        metadata: Some(structure(json!({ "level": "B1" }))),
        ..Default::default()
    };
    let answer = caller.sessions.log_activity(request).await.unwrap();
    let activity = answer.into_inner().activity.unwrap();
    let expected = pb::Activity {
        id: id(1),
        session_id: session_id.clone(),
        user_id: USER.to_owned(),
        activity_type: "flashcards".to_owned(),
        content_type: "flashcard_deck".to_owned(),
        content_id: "deck/7 é".to_owned(),
        start_time: time("2026-03-02T09:08:30Z"),
        end_time: time("2026-03-02T09:10:00Z"),
        duration: seconds(90),
        items_completed: 7,
        items_correct: 5,
        accuracy_percentage: Some(71.43),
        points_earned: 5,
        metadata: Some(structure(json!({ "level": "B1" }))),
        create_time: time("2026-03-02T09:10:00Z"),
    };
    assert_eq!(activity, expected);
    let session = caller.get(&session_id).await;
    assert_eq!(session.points_earned, 5);
    // It is a sign of life.
    assert_eq!(session.last_active_time, time("2026-03-02T09:10:00Z"));

    let end = pb::EndSessionRequest {
        session_id: session_id.clone(),
        ..Default::default()
    };
    caller.end(end).await;
    let late = pb::LogActivityRequest {
        session_id: session_id.clone(),
        activity_type: "notes".to_owned(),
        start_time: time("2026-03-02T09:00:00Z"),
        ..Default::default()
    };
    let late = caller.sessions.log_activity(late).await.unwrap();
    let late = late.into_inner().activity.unwrap();
    assert_eq!(late.accuracy_percentage, None);
    assert_eq!(late.duration, seconds(0));
    // Five for the items and five for ten minutes.
    assert_eq!(caller.get(&session_id).await.points_earned, 10);
}

async fn activities_are_listed_oldest_first_page_by_page(server: Server) {
    let mut caller = server.tenant(1);
    let session_id = caller.start(start(USER)).await.id;
    server.pass(Duration::from_mins(10));
    let log = |number: u128, minute: u8| pb::LogActivityRequest {
        session_id: session_id.clone(),
        activity_id: id(number),
        activity_type: "reading".to_owned(),
        start_time: time(&format!("2026-03-02T09:0{minute}:00Z")),
        ..Default::default()
    };
    // Not in the order of their times, and two at one time.
    for (number, minute) in [(4, 5), (1, 1), (3, 2), (2, 2)] {
        let request = log(number, minute);
        caller.sessions.log_activity(request).await.unwrap();
    }
    let mut request = pb::ListActivitiesRequest {
        session_id: session_id.clone(),
        page_size: 3,
        ..Default::default()
    };
    let page = caller.sessions.list_activities(request.clone()).await;
    let page = page.unwrap().into_inner();
    let mut ids: Vec<_> = page.activities.into_iter().map(|a| a.id).collect();
    assert_eq!(ids.len(), 3);
    request.page_token = page.next_page_token;
    let page = caller.sessions.list_activities(request).await.unwrap();
    assert_eq!(page.get_ref().next_page_token, "");
    ids.extend(page.into_inner().activities.into_iter().map(|a| a.id));
    assert_eq!(ids, [id(1), id(2), id(3), id(4)]);
}

async fn the_same_activity_again_changes_nothing(server: Server) {
    let mut caller = server.tenant(1);
    let session_id = caller.start(start(USER)).await.id;
    let request = pb::LogActivityRequest {
        session_id: session_id.clone(),
        activity_id: id(1),
        activity_type: "testing".to_owned(),
        items_completed: 3,
        items_correct: 3,
        ..Default::default()
    };
    let first = caller.sessions.log_activity(request.clone()).await.unwrap();
    server.pass(Duration::from_mins(1));
    let again = caller.sessions.log_activity(request.clone()).await.unwrap();
    assert_eq!(again.into_inner(), first.into_inner());
    assert_eq!(caller.get(&session_id).await.points_earned, 3);
    let other = pb::LogActivityRequest {
        items_correct: 2,
        ..request
    };
    let refused = refusal(caller.sessions.log_activity(other).await);
    assert_eq!(refused, (tonic::Code::AlreadyExists, "ID_TAKEN".to_owned()));
}
