//! Signing in and out, and forms that others made.

use dwell::pb::v1 as pb;
use reqwest::StatusCode;

use super::{Browser, setup};
use crate::{
    auth,
    harness::{Caller, Server, Setup},
    support::ids::tenant,
    values::{SESSION, USER, start},
};

fn header<'r>(answer: &'r reqwest::Response, name: &str) -> &'r str {
    answer.headers()[name].to_str().unwrap()
}

#[tokio::test]
async fn pages_are_for_those_who_are_signed_in() {
    let server = Server::with(setup()).await;
    let mut browser = Browser::at(&server);
    for path in [
        "/ui",
        "/ui/",
        "/ui/sessions",
        "/ui/live",
        "/ui/export",
        "/ui/none",
    ] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path}");
        assert_eq!(header(&answer, "location"), "/ui/sign-in");
    }
    let answer = browser
        .sign_in(&auth::token(&server, 1, "admin", None))
        .await;
    assert_eq!(header(&answer, "location"), "/ui/");
    let cookie = header(&answer, "set-cookie");
    assert!(cookie.starts_with("dwell=ey"), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/ui; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(browser.get("/ui/").await.status(), StatusCode::OK);

    let form = format!("csrf={}", browser.csrf().await);
    let answer = browser.post("/ui/sign-out", &form).await;
    assert!(header(&answer, "set-cookie").starts_with("dwell=; "));
    assert!(header(&answer, "set-cookie").ends_with("; Max-Age=0"));
}

#[tokio::test]
async fn a_token_that_does_not_hold_signs_nobody_in() {
    let server = Server::with(setup()).await;
    let mut browser = Browser::at(&server);
    let token = auth::token(&server, 1, "admin", None);
    let long = "a".repeat(4_000);
    for wrong in [
        "",
        "a.b.c",
        "%3Cscript%3E",
        "a b",
        &*long,
        &token[..token.len() - 3],
    ] {
        let answer = browser.sign_in(wrong).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{wrong}");
        assert!(answer.headers().get("set-cookie").is_none());
        let page = answer.text().await.unwrap();
        assert!(
            page.contains("role=\"alert\"") && !page.contains("<script>"),
            "{page}"
        );
    }
    // One that held is asked for again once it has expired.
    browser.sign_in(&token).await;
    server.pass(std::time::Duration::from_hours(2));
    let (status, page) = browser.read("/ui/").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(page.contains("the token has expired"), "{page}");
}

#[tokio::test]
async fn what_a_form_changes_needs_its_own_token() {
    let server = Server::with(setup()).await;
    let mut service = Caller::bearing(&server.channel, &auth::token(&server, 1, "service", None));
    let request = pb::StartSessionRequest {
        session_id: SESSION.to_owned(),
        ..start(USER)
    };
    service.start(request).await;
    let browser = Browser::of(&server, 1, "admin", None).await;
    let other = Browser::of(&server, 1, "service", None).await;
    let path = format!("/ui/sessions/{SESSION}/revoke");
    let own = format!("csrf={}", browser.csrf().await);
    for wrong in [
        "",
        "csrf=",
        "csrf=AAAA",
        &format!("csrf={}", other.csrf().await),
    ] {
        let answer = browser.post(&path, wrong).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{wrong}");
    }
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
    ] {
        let answer = browser.form(&path, &own).header(name, value).send().await;
        assert_eq!(answer.unwrap().status(), StatusCode::FORBIDDEN, "{name}");
    }
    assert!(service.get(SESSION).await.end_time.is_none());
    // A link changes nothing.
    let (status, _) = browser.read(&path).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let answer = browser.post(&path, &own).await;
    assert_eq!(
        header(&answer, "location"),
        format!("/ui/sessions/{SESSION}")
    );
    assert_eq!(
        service.get(SESSION).await.end_reason(),
        pb::EndReason::Revoked
    );
}

#[tokio::test]
async fn a_form_is_bounded_and_posted() {
    let server = Server::with(setup()).await;
    let browser = Browser::of(&server, 1, "admin", None).await;
    let answer = browser.post("/ui/sign-out", &"a".repeat(20_000)).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let request = browser.client.put(format!("{}/ui/", browser.root));
    let answer = browser.request(request).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn without_tokens_a_tenant_is_picked_on_this_machine() {
    let server = Server::with(Setup {
        flags: vec!["--ui", "on"],
        ..Setup::default()
    })
    .await;
    server.tenant(1).start(start(USER)).await;
    let mut browser = Browser::at(&server);
    let (status, page) = browser.read("/ui/sign-in").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains(&tenant(1).to_string()) && !page.contains(&tenant(2).to_string()));
    browser.sign_in(&tenant(1).to_string()).await;
    assert_eq!(browser.get("/ui/").await.status(), StatusCode::OK);
    // A name that somebody made point to this machine.
    let request = browser.client.get(format!("{}/ui/", browser.root));
    let answer = browser
        .request(request)
        .header("host", "evil.example")
        .send();
    assert_eq!(answer.await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn with_tokens_no_tenant_is_listed() {
    let server = Server::with(setup()).await;
    let token = auth::token(&server, 1, "service", None);
    Caller::bearing(&server.channel, &token)
        .start(start(USER))
        .await;
    let (_, page) = Browser::at(&server).read("/ui/sign-in").await;
    assert!(!page.contains(&tenant(1).to_string()), "{page}");
}
