//! What pages show, to whom, and how it is written.

use dwell::pb::v1 as pb;
use reqwest::StatusCode;

use super::{Browser, setup};
use crate::{
    auth,
    harness::{Caller, Server, Setup},
    support::ids::tenant,
    values::{OTHER_USER, SESSION, USER, seconds, start, time},
};

const EVIL: &str = "<script>alert(\"1\")</script>'&é\u{202e}";

/// A session that ended, whose texts are what somebody would write into a page.
async fn settle(server: &Server, number: u128) -> Caller {
    let token = auth::token(server, number, "service", None);
    let mut service = Caller::bearing(&server.channel, &token);
    let request = pb::RecordSessionRequest {
        user_id: USER.to_owned(),
        session_id: SESSION.to_owned(),
        start_time: time("2026-03-01T20:00:00Z"),
        duration: seconds(3_600),
        notes: EVIL.to_owned(),
        subject: Some(pb::Subject {
            r#type: "class".to_owned(),
            id: "a/b?c=\"d\"".to_owned(),
            name: "<b>bold</b>".to_owned(),
        }),
        result: Some(pb::SessionResult {
            scores: [("fluency".to_owned(), 81.5)].into(),
            topics: vec!["<i>food</i>".to_owned()],
            ..Default::default()
        }),
        ..Default::default()
    };
    service.sessions.record_session(request).await.unwrap();
    let activity = pb::LogActivityRequest {
        session_id: SESSION.to_owned(),
        activity_type: "testing".to_owned(),
        items_completed: 4,
        items_correct: 3,
        ..Default::default()
    };
    service.sessions.log_activity(activity).await.unwrap();
    service.start(start(USER)).await;
    let goal = pb::Goal {
        user_id: USER.to_owned(),
        goal_type: pb::GoalType::Custom.into(),
        name: "<u>goal</u>".to_owned(),
        target_value: 10.0,
        unit: "%s".to_owned(),
        start_date: "2026-03-01".to_owned(),
        target_date: "2026-03-31".to_owned(),
        ..Default::default()
    };
    service.set_goal(goal).await;
    service
}

/// Each page there is, for a user.
fn pages(user: &str) -> Vec<String> {
    let of_user = ["day", "week", "month"]
        .map(|period| format!("/ui/reports?user_id={user}&period={period}&date=2026-03-01"));
    let mut pages = vec![
        "/ui/sessions".to_owned(),
        format!("/ui/sessions?user_id={user}&state=ended&from=2026-01-01&to=2026-03-02"),
        format!("/ui/sessions/{SESSION}"),
        format!("/ui/users/{user}"),
        "/ui/reports".to_owned(),
        "/ui/study".to_owned(),
        format!("/ui/study?user_id={user}"),
        "/ui/live".to_owned(),
    ];
    pages.extend(of_user);
    pages
}

/// Those that are of the whole tenant.
const OF_ALL: [&str; 6] = [
    "/ui/",
    "/ui/?days=365",
    "/ui/?from=2026-01-01&to=2026-03-02",
    "/ui/users",
    "/ui/users?silent=0",
    "/ui/users?silent=30",
];

#[tokio::test]
async fn each_page_is_there_with_its_headers_and_texts_are_texts() {
    for server in [
        Server::with(setup()).await,
        Server::postgres_with(setup()).await,
    ] {
        settle(&server, 1).await;
        let browser = Browser::of(&server, 1, "admin", None).await;
        let all = OF_ALL.map(str::to_owned).into_iter().chain(pages(USER));
        for path in all {
            let answer = browser.get(&path).await;
            let headers = answer.headers().clone();
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(headers["cache-control"], "no-store");
            assert_eq!(headers["x-content-type-options"], "nosniff");
            assert_eq!(headers["referrer-policy"], "same-origin");
            let policy = headers["content-security-policy"].to_str().unwrap();
            assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
            assert!(policy.contains("frame-ancestors 'none'"));
            let page = answer.text().await.unwrap();
            for tag in ["<script>", "<b>", "<i>", "<u>", " style=", " onclick="] {
                assert!(!page.contains(tag), "{path} has {tag}");
            }
            assert!(
                path == "/ui/live" || page.contains("<main id=\"content\""),
                "{path}"
            );
        }
        let (_, page) = browser.read(&format!("/ui/sessions/{SESSION}")).await;
        assert!(
            page.contains("&#60;script&#62;alert(&#34;1&#34;)"),
            "{page}"
        );
        assert!(page.contains("3 of 4") && page.contains("75 %") && page.contains("UTC"));
        let (_, page) = browser.read(&format!("/ui/users/{USER}")).await;
        assert!(
            page.contains("Sun 2026-03-01: 1 session, 1 h 0 min"),
            "{page}"
        );
        assert!(page.contains("subject_id=a%2Fb%3Fc%3D%22d%22"), "{page}");
    }
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_their_hash() {
    let server = Server::with(setup()).await;
    let browser = Browser::at(&server);
    let (_, page) = browser.read("/ui/sign-in").await;
    for (attribute, kind) in [("href", "text/css"), ("src", "text/javascript")] {
        let found = page
            .split(&format!("{attribute}=\"/ui/assets/"))
            .nth(1)
            .unwrap();
        let name = found.split('"').next().unwrap();
        let answer = browser.get(&format!("/ui/assets/{name}")).await;
        assert_eq!(answer.headers()["content-type"], kind);
        assert!(
            answer.headers()["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
    }
}

#[tokio::test]
async fn what_is_not_there_or_makes_no_sense_is_a_page_that_says_so() {
    let server = Server::with(setup()).await;
    settle(&server, 1).await;
    let browser = Browser::of(&server, 1, "admin", None).await;
    for (path, status) in [
        ("/ui/none", 404),
        ("/ui/sessions/a/b/c", 404),
        (&*format!("/ui/sessions/{OTHER_USER}"), 404),
        (&*format!("/ui/users/{OTHER_USER}"), 404),
        ("/ui/users/%3Cscript%3E%22%2F%C3%A9", 400),
        ("/ui/sessions/%3Cscript%3E", 400),
        ("/ui/sessions?user_id=%3Cscript%3E", 400),
        ("/ui/sessions?state=asleep", 400),
        ("/ui/sessions?from=yesterday", 400),
        ("/ui/sessions?page=forged", 400),
        ("/ui/?from=2026-03-02&to=2026-03-01", 400),
        ("/ui/reports?period=year", 400),
        ("/ui/export?format=exe", 400),
        ("/ui/users?silent=x", 400),
    ] {
        let (found, page) = browser.read(path).await;
        assert_eq!(found, status, "{path}");
        assert!(
            page.contains("<h1>") && !page.contains("<script>"),
            "{path}: {page}"
        );
    }
}

#[tokio::test]
async fn nobody_sees_another_tenants() {
    let server = Server::with(setup()).await;
    let mut own = settle(&server, 1).await;
    let other = Browser::of(&server, 2, "admin", None).await;
    let form = format!("csrf={}", other.csrf().await);
    for path in pages(USER).into_iter().chain(OF_ALL.map(str::to_owned)) {
        let (_, page) = other.read(&path).await;
        for told in [&*tenant(1).to_string(), "bold", "fluency", "goal&#60;"] {
            assert!(!page.contains(told), "{path} has {told}");
        }
    }
    for path in [
        format!("/ui/sessions/{SESSION}"),
        format!("/ui/users/{USER}"),
    ] {
        assert_eq!(
            other.get(&path).await.status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
        let revoke = format!("{path}/revoke");
        other.post(&revoke, &form).await;
    }
    let open = pb::ListSessionsRequest {
        states: vec![pb::SessionState::Active.into()],
        ..Default::default()
    };
    let open = own.sessions.list_sessions(open).await.unwrap().into_inner();
    assert_eq!(open.sessions.len(), 1, "the other tenant revoked nothing");
}

#[tokio::test]
async fn users_see_their_own_alone() {
    let server = Server::with(setup()).await;
    settle(&server, 1).await;
    let own = Browser::of(&server, 1, "user", Some(USER)).await;
    assert_eq!(own.get("/ui/").await.headers()["location"], "/ui/study");
    for path in pages(USER).into_iter().chain(["/ui/me".to_owned()]) {
        assert_eq!(own.get(&path).await.status(), StatusCode::OK, "{path}");
    }
    for path in ["/ui/users", "/ui/users?silent=0"] {
        let (status, page) = own.read(path).await;
        // The latest sessions are its own; the list of users is not for it.
        assert!(
            status == StatusCode::FORBIDDEN || page.contains(USER),
            "{path}"
        );
    }
    let other = Browser::of(&server, 1, "user", Some(OTHER_USER)).await;
    for path in [
        format!("/ui/sessions/{SESSION}"),
        format!("/ui/users/{USER}"),
        format!("/ui/sessions?user_id={USER}"),
        format!("/ui/reports?user_id={USER}"),
        format!("/ui/study?user_id={USER}"),
    ] {
        assert_eq!(
            other.get(&path).await.status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
    let (status, page) = other.read("/ui/sessions").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!page.contains("bold"), "{page}");
}

#[tokio::test]
async fn sessions_are_saved_as_the_list_has_them() {
    let server = Server::with(setup()).await;
    settle(&server, 1).await;
    let browser = Browser::of(&server, 1, "admin", None).await;
    let answer = browser.get("/ui/export?format=csv&state=ended").await;
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    let disposition = answer.headers()["content-disposition"].clone();
    assert_eq!(disposition, "attachment; filename=\"sessions.csv\"");
    let file = answer.text().await.unwrap();
    assert_eq!(file.matches(SESSION).count(), 1);
    let (_, lines) = browser.read("/ui/export?format=ndjson").await;
    assert_eq!(lines.lines().count(), 2);
}

#[tokio::test]
async fn pages_that_are_off_are_not_there() {
    let server = Server::with(Setup {
        flags: Vec::new(),
        ..setup()
    })
    .await;
    let (status, told) = Browser::at(&server).read("/ui/").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(!told.contains('<'), "{told}");
    // What is there goes on.
    settle(&server, 1).await;
}
