//! Users see and do what is their own; another user's is, to the byte, as what is not there.

use dwell::pb::v1 as pb;
use tonic::Code;

use super::{caller, setup};
use crate::{
    harness::Server,
    tenancy::answers,
    values::{OTHER_USER, SESSION, USER, id, start},
};

mod sqlite {
    #[tokio::test]
    async fn what_is_another_users_looks_like_what_is_not_there() {
        let server = crate::harness::Server::with(super::setup()).await;
        super::what_is_another_users_looks_like_what_is_not_there(server).await;
    }
}
mod postgres {
    #[tokio::test]
    async fn what_is_another_users_looks_like_what_is_not_there() {
        let server = crate::harness::Server::postgres_with(super::setup()).await;
        super::what_is_another_users_looks_like_what_is_not_there(server).await;
    }
}

fn session_of(user: &str, session: &str) -> pb::StartSessionRequest {
    pb::StartSessionRequest {
        session_id: session.to_owned(),
        ..start(user)
    }
}

async fn what_is_another_users_looks_like_what_is_not_there(server: Server) {
    let mut service = caller(&server, 1, "service", None);
    service.start(session_of(OTHER_USER, SESSION)).await;
    let activity = pb::LogActivityRequest {
        session_id: SESSION.to_owned(),
        activity_type: "reading".to_owned(),
        ..Default::default()
    };
    service.sessions.log_activity(activity).await.unwrap();
    let before = service.get(SESSION).await;
    let mut user = caller(&server, 1, "user", Some(USER));
    user.start(start(USER)).await;
    let foreign = answers(&mut user, SESSION, OTHER_USER).await;
    let unknown = answers(&mut user, &id(404), &id(405)).await;
    let masked = |answers: Vec<String>, session: &str, user: &str| {
        let masked = answers.into_iter();
        let masked = masked.map(|text| text.replace(session, "SESSION").replace(user, "USER"));
        masked.collect::<Vec<_>>()
    };
    let foreign = masked(foreign, SESSION, OTHER_USER);
    assert_eq!(foreign, masked(unknown, &id(404), &id(405)));
    // What names a user, or one session, is told that it is not there.
    let told = foreign.iter().filter(|answer| answer.contains("NotFound"));
    assert!(told.count() >= 20, "{foreign:#?}");
    for of_other in [OTHER_USER, &id(405)] {
        let record = pb::RecordSessionRequest {
            user_id: of_other.to_owned(),
            duration: Some(prost_types::Duration {
                seconds: 60,
                nanos: 0,
            }),
            ..Default::default()
        };
        let started = user.sessions.start_session(start(of_other)).await;
        assert_eq!(started.unwrap_err().code(), Code::NotFound);
        let recorded = user.sessions.record_session(record).await;
        assert_eq!(recorded.unwrap_err().code(), Code::NotFound);
    }
    assert_eq!(service.get(SESSION).await, before);
    let summary = pb::GetUserSummaryRequest { user_id: id(405) };
    assert!(service.usage.get_user_summary(summary).await.is_err());
}

#[tokio::test]
async fn a_user_does_all_there_is_to_do_with_its_own() {
    let server = Server::with(setup()).await;
    let mut user = caller(&server, 1, "user", Some(USER));
    user.start(session_of(USER, SESSION)).await;
    // The last one revokes all, so nothing is left that could be refused for its state before.
    for answer in answers(&mut user, SESSION, USER).await {
        let allowed = answer.starts_with("Ok") || answer.starts_with('[');
        let ended = answer.contains("FailedPrecondition");
        let whole_tenant = answer.contains("PermissionDenied");
        assert!(allowed || ended || whole_tenant, "{answer}");
        assert!(!answer.contains("NotFound"), "{answer}");
    }
}

#[tokio::test]
async fn a_list_without_a_user_is_of_ones_own() {
    let server = Server::with(setup()).await;
    let mut service = caller(&server, 1, "service", None);
    for number in 0..6 {
        let user = if number % 2 == 0 { USER } else { OTHER_USER };
        service.start(session_of(user, &id(number))).await;
    }
    let all = pb::ListSessionsRequest {
        include_totals: true,
        page_size: 2,
        ..Default::default()
    };
    let mut user = caller(&server, 1, "user", Some(USER));
    let first = user
        .sessions
        .list_sessions(all.clone())
        .await
        .unwrap()
        .into_inner();
    assert!(first.sessions.iter().all(|session| session.user_id == USER));
    assert_eq!(first.totals.unwrap().session_count, 3);
    let rest = pb::ListSessionsRequest {
        page_token: first.next_page_token,
        ..all.clone()
    };
    // A page is its user's alone: another is not led on by its token, nor is a service.
    for mut other in [
        caller(&server, 1, "user", Some(OTHER_USER)),
        service.clone(),
    ] {
        let status = other
            .sessions
            .list_sessions(rest.clone())
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
    let rest = user
        .sessions
        .list_sessions(rest)
        .await
        .unwrap()
        .into_inner();
    assert_eq!((rest.sessions.len(), &*rest.next_page_token), (1, ""));
    let everyone = service
        .sessions
        .list_sessions(all)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(everyone.totals.unwrap().session_count, 6);
}

#[tokio::test]
async fn revoking_passes_over_what_is_another_users() {
    let server = Server::with(setup()).await;
    let mut service = caller(&server, 1, "service", None);
    service.start(session_of(USER, &id(1))).await;
    service.start(session_of(OTHER_USER, &id(2))).await;
    let mut user = caller(&server, 1, "user", Some(USER));
    for dry_run in [true, false] {
        let request = pb::RevokeSessionsRequest {
            session_ids: vec![id(1), id(2), id(3)],
            dry_run,
            ..Default::default()
        };
        let answer = user.sessions.revoke_sessions(request).await.unwrap();
        assert_eq!(answer.into_inner().session_ids, [id(1)]);
    }
    let ended = |session: pb::Session| session.end_time.is_some();
    assert!(ended(service.get(&id(1)).await) && !ended(service.get(&id(2)).await));
}

#[tokio::test]
async fn the_mean_of_a_few_is_not_told_to_one_of_them() {
    let server = Server::with(setup()).await;
    let mut service = caller(&server, 1, "service", None);
    let practise = |number: u128| pb::RecordSessionRequest {
        user_id: id(number),
        duration: Some(prost_types::Duration {
            seconds: 600,
            nanos: 0,
        }),
        ..Default::default()
    };
    let compare = |number| pb::ComparePerformanceRequest {
        user_id: id(number),
        by: pb::compare_performance_request::By::Cohort.into(),
        ..Default::default()
    };
    for number in 1..6 {
        service
            .sessions
            .record_session(practise(number))
            .await
            .unwrap();
        let of_service = service.insights.compare_performance(compare(1)).await;
        assert_eq!(of_service.unwrap().into_inner().entries.len(), 2);
        let mut user = caller(&server, 1, "user", Some(&id(1)));
        let of_user = user.insights.compare_performance(compare(1)).await;
        let entries = if number < 5 { 0 } else { 2 };
        assert_eq!(
            of_user.unwrap().into_inner().entries.len(),
            entries,
            "{number}"
        );
    }
}

#[tokio::test]
async fn a_subject_that_is_no_uuid_is_one_user() {
    let server = Server::with(setup()).await;
    // As `uuid.uuid5(tenant, "alice@example.com")` in Python.
    let derived = "f2b88989-9c3b-5bad-889a-5f7bb7da48e1";
    let mut alice = caller(&server, 1, "user", Some("alice@example.com"));
    let session = alice.start(start(derived)).await;
    assert_eq!(session.user_id, derived);
    assert_eq!(alice.get(&session.id).await.id, session.id);
    // The same subject of another tenant is somebody else.
    let mut other = caller(&server, 2, "user", Some("alice@example.com"));
    let status = other
        .sessions
        .start_session(start(derived))
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}
