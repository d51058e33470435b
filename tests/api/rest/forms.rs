//! What is no call, or a wrong one.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value as Json;
use sqlx::{Connection, Executor, SqliteConnection};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::call::{request, status};
use crate::{
    auth::setup,
    harness::{Server, Setup},
    support::ids::tenant,
    values::{SESSION, USER, reason},
};

/// As tenant 1.
async fn ask(server: &Server, method: Method, target: &str, body: Option<&str>) -> Response {
    let mut request = request(server, method, target).header("x-tenant-id", tenant(1).to_string());
    if let Some(body) = body {
        let body = body.to_owned();
        request = request
            .header("content-type", "application/json")
            .body(body);
    }
    request.send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    let value = answer.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

async fn refused(answer: Response, http: u16, code: Code) -> Status {
    assert_eq!(header(&answer, "content-type"), "application/json");
    let sent = answer.status();
    let status = status(&answer.text().await.unwrap());
    assert_eq!((sent.as_u16(), status.code()), (http, code), "{status:?}");
    status
}

/// The names of the wrong fields.
fn fields(status: &Status) -> Vec<String> {
    let details = status.get_details_bad_request().unwrap();
    let fields = details.field_violations.into_iter();
    fields.map(|violation| violation.field).collect()
}

#[tokio::test]
async fn what_is_not_there_is_told_from_what_is_there_otherwise() {
    let server = Server::sqlite().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/sessions",
        "/v1/sessions/",
        "/v1//sessions",
        "/v1/sessions:nothing",
        "/v1/sessions/a:end:end",
        "/v1/sessions/a/b",
        "/dwell.v1.SessionService/GetSession",
        "/grpc.health.v1.Health/Check",
        "/openapi.json/",
    ] {
        let answer = ask(&server, Method::GET, path, None).await;
        assert_eq!(header(&answer, "connection"), "close");
        refused(answer, 404, Code::NotFound).await;
    }
    for (method, path, allow) in [
        (Method::PUT, "/v1/sessions", "POST, GET, HEAD, OPTIONS"),
        (Method::GET, "/v1/sessions/a:end", "POST, OPTIONS"),
        (
            Method::POST,
            "/v1/goals/a",
            "GET, HEAD, PATCH, DELETE, OPTIONS",
        ),
        (Method::POST, "/openapi.json", "GET, HEAD, OPTIONS"),
        // Of a stream there is no head.
        (Method::HEAD, "/v1/usage-stats", "GET, OPTIONS"),
    ] {
        let answer = ask(&server, method.clone(), path, None).await;
        assert_eq!(header(&answer, "allow"), allow, "{path}");
        assert_eq!(answer.status(), 405);
        if method != Method::HEAD {
            refused(answer, 405, Code::Unimplemented).await;
        }
        let answer = ask(&server, Method::OPTIONS, path, None).await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "allow")),
            (204, allow)
        );
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let server = Server::sqlite().await;
    for path in ["/v1/settings", "/openapi.json", "/v1/sessions"] {
        let head = ask(&server, Method::HEAD, path, None).await;
        let get = ask(&server, Method::GET, path, None).await;
        assert_eq!((head.status().as_u16(), get.status().as_u16()), (200, 200));
        assert_eq!(
            header(&head, "content-length"),
            header(&get, "content-length")
        );
        assert!(head.bytes().await.unwrap().is_empty());
        assert!(!get.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn unknown_and_wrong_parameters_are_all_named() {
    let server = Server::sqlite().await;
    let target = "/v1/sessions?page_size=many&nothing=1&user_id=a&user_id=b&states=NO&subject=x\
        &subject.id=%ff&start_time_from=yesterday&include_totals=1";
    let answer = ask(&server, Method::GET, target, None).await;
    let status = refused(answer, 400, Code::InvalidArgument).await;
    assert_eq!(
        fields(&status),
        [
            "page_size",
            "nothing",
            "user_id",
            "states",
            "subject",
            "subject.id",
            "start_time_from",
            "include_totals"
        ]
    );
    let target = format!("/v1/sessions/{SESSION}?session_id={SESSION}");
    let answer = ask(&server, Method::GET, &target, None).await;
    let status = refused(answer, 400, Code::InvalidArgument).await;
    assert_eq!(fields(&status), ["session_id"]);
    let answer = ask(&server, Method::POST, "/v1/sessions?user_id=a", Some("{}")).await;
    let status = refused(answer, 400, Code::InvalidArgument).await;
    assert_eq!(fields(&status), ["user_id"]);
    for path in ["%zz", "%ff", "%"] {
        let answer = ask(&server, Method::GET, &format!("/v1/sessions/{path}"), None).await;
        let status = refused(answer, 400, Code::InvalidArgument).await;
        assert_eq!(fields(&status), ["session_id"], "{path}");
    }
}

#[tokio::test]
async fn a_part_of_the_path_is_what_it_stands_for() {
    let server = Server::sqlite().await;
    let start = format!(r#"{{"userId": "{USER}", "session_id": "{SESSION}"}}"#);
    let answer = ask(&server, Method::POST, "/v1/sessions", Some(&start)).await;
    assert_eq!(answer.status(), 200);
    let escaped = SESSION.replace('-', "%2d");
    let answer = ask(
        &server,
        Method::GET,
        &format!("/v1/sessions/{escaped}"),
        None,
    )
    .await;
    assert_eq!(answer.status(), 200);
    // One part, whatever is in it: it is no id, and no other path.
    let answer = ask(&server, Method::GET, "/v1/sessions/a%2Factivities", None).await;
    let status = refused(answer, 400, Code::InvalidArgument).await;
    assert!(status.message().contains("must be a UUID"), "{status:?}");
}

#[tokio::test]
async fn a_body_is_the_json_of_the_message() {
    let server = Server::sqlite().await;
    let post = async |body: &str| ask(&server, Method::POST, "/v1/sessions", Some(body)).await;
    for (body, told) in [
        (r#"{"user_id": "a", "nothing": 1}"#, "'nothing'"),
        (r#"{"metadata": 5}"#, "metadata"),
        (r#"{"userId": "a"} {}"#, "trailing"),
        (r#"{"user_id": "a""#, "EOF"),
        ("[]", "invalid type"),
        ("\u{0}", "expected value"),
    ] {
        let status = refused(post(body).await, 400, Code::InvalidArgument).await;
        assert_eq!(fields(&status), ["body"]);
        assert!(
            status.message().starts_with("body is not right"),
            "{status:?}"
        );
        assert!(
            status.message().contains(told) || told == "metadata",
            "{status:?}"
        );
    }
    // Deeper than is read.
    let deep = format!(
        r#"{{"metadata": {{"a": {}1{}}}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    refused(post(&deep).await, 400, Code::InvalidArgument).await;
    let end = format!("/v1/sessions/{SESSION}:end");
    let other = format!(r#"{{"session_id": "{USER}"}}"#);
    let answer = ask(&server, Method::POST, &end, Some(&other)).await;
    let status = refused(answer, 400, Code::InvalidArgument).await;
    assert_eq!(fields(&status), ["session_id"]);
    // Nothing is an empty message.
    let answer = ask(&server, Method::POST, &end, None).await;
    refused(answer, 404, Code::NotFound).await;
    let answer = ask(&server, Method::GET, "/v1/settings", Some("{}")).await;
    refused(answer, 400, Code::InvalidArgument).await;
}

#[tokio::test]
async fn a_body_of_another_kind_is_not_read() {
    let server = Server::sqlite().await;
    for (kind, encoding) in [
        ("text/plain", None),
        ("application/x-www-form-urlencoded", None),
        ("application/grpc", None),
        ("application/json", Some("gzip")),
    ] {
        let mut request = request(&server, Method::POST, "/v1/sessions")
            .header("content-type", kind)
            .body("{}");
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        let answer = request.send().await.unwrap();
        let status = refused(answer, 415, Code::InvalidArgument).await;
        assert_eq!(reason(&status), "MEDIA_TYPE");
    }
    let with_charset = request(&server, Method::POST, "/v1/sessions")
        .header("content-type", "Application/JSON; charset=utf-8")
        .header("x-tenant-id", tenant(1).to_string())
        .body("{}");
    let answer = with_charset.send().await.unwrap();
    refused(answer, 400, Code::InvalidArgument).await;
}

#[tokio::test]
async fn sizes_have_limits() {
    let flags = ["--max-request-size", "1", "--max-metadata-size", "2"];
    let server = Server::limited(&flags).await;
    let long = format!(r#"{{"notes": "{}"}}"#, "x".repeat(1_024));
    let end = format!("/v1/sessions/{SESSION}:end");
    let answer = ask(&server, Method::POST, &end, Some(&long)).await;
    let status = refused(answer, 413, Code::ResourceExhausted).await;
    assert_eq!(reason(&status), "MESSAGE_TOO_LARGE");
    let target = format!("/v1/sessions?user_id={}", "x".repeat(2_048));
    let answer = ask(&server, Method::GET, &target, None).await;
    refused(answer, 431, Code::ResourceExhausted).await;
}

#[tokio::test]
async fn who_is_not_known_is_told_how_to_be() {
    let server = Server::with(setup()).await;
    // Nothing of what is asked is looked at before.
    let answer = ask(&server, Method::POST, "/v1/sessions?a=b", Some("no json")).await;
    assert!(header(&answer, "www-authenticate").starts_with("Bearer"));
    assert_eq!(header(&answer, "connection"), "close");
    refused(answer, 401, Code::Unauthenticated).await;
}

#[tokio::test]
async fn where_everybody_is_let_in_a_page_with_a_name_of_its_own_is_not() {
    let server = Server::sqlite().await;
    let asked = async |server: &Server, host: &'static str| {
        let request = request(server, Method::GET, "/openapi.json").header("host", host);
        request.send().await.unwrap()
    };
    for host in ["localhost", "LOCALHOST:50051", "127.0.0.1:1", "[::1]:50051"] {
        assert_eq!(asked(&server, host).await.status(), 200, "{host}");
    }
    for host in [
        "evil.example.com",
        "localhost.example.com:50051",
        "127.0.0.1.example.com",
    ] {
        refused(asked(&server, host).await, 421, Code::PermissionDenied).await;
    }
    let server = Server::with(setup()).await;
    assert_eq!(asked(&server, "api.example.com").await.status(), 200);
}

#[tokio::test]
async fn who_comes_too_fast_is_told_when_to_come_back() {
    let server = Server::limited(&["--tenant-rate", "1", "--tenant-burst", "1"]).await;
    let answer = ask(&server, Method::GET, "/v1/settings", None).await;
    assert_eq!(answer.status(), 200);
    let answer = ask(&server, Method::GET, "/v1/settings", None).await;
    assert_eq!(header(&answer, "retry-after"), "1");
    refused(answer, 429, Code::ResourceExhausted).await;
    server.pass(Duration::from_secs(1));
    let answer = ask(&server, Method::GET, "/v1/settings", None).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn a_call_has_the_time_that_its_caller_gives() {
    let server = Server::sqlite().await;
    let timed = async |name: &'static str, time: &'static str| {
        let request = request(&server, Method::GET, "/v1/settings")
            .header("x-tenant-id", tenant(1).to_string())
            .header(name, time);
        request.send().await.unwrap()
    };
    // Whoever writes waits for this.
    let mut writing = SqliteConnection::connect(&server.url).await.unwrap();
    writing.execute("BEGIN IMMEDIATE").await.unwrap();
    for (name, time) in [("request-timeout", "0.05"), ("grpc-timeout", "50m")] {
        let answer = request(&server, Method::POST, "/v1/sessions")
            .header("x-tenant-id", tenant(1).to_string())
            .header("content-type", "application/json")
            .header(name, time)
            .body(format!(r#"{{"userId": "{USER}"}}"#));
        let answer = answer.send().await.unwrap();
        refused(answer, 504, Code::DeadlineExceeded).await;
    }
    writing.execute("ROLLBACK").await.unwrap();
    for wrong in ["soon", "-1", "NaN", "1e300"] {
        let status = refused(
            timed("request-timeout", wrong).await,
            400,
            Code::InvalidArgument,
        );
        assert_eq!(fields(&status.await), ["Request-Timeout"]);
    }
    assert_eq!(timed("request-timeout", "2.5").await.status(), 200);
}

#[tokio::test]
async fn the_api_is_described_unless_that_is_off() {
    let server = Server::sqlite().await;
    let answer = ask(&server, Method::GET, "/openapi.json", None).await;
    let document: Json = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let start = &document["paths"]["/v1/sessions"]["post"];
    assert_eq!(start["operationId"], "StartSession");
    assert!(
        start["description"]
            .as_str()
            .unwrap()
            .starts_with("Opens a session")
    );
    let secret = Setup {
        unreflected: true,
        ..Setup::default()
    };
    let server = Server::with(secret).await;
    let answer = ask(&server, Method::GET, "/openapi.json", None).await;
    refused(answer, 404, Code::NotFound).await;
}
