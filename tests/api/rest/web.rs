//! Browsers: gRPC-Web, and which pages may call; and that none of it is there unless it is on.

use std::time::Duration;

use dwell::pb::v1 as pb;
use prost::Message;
use reqwest::{Method, Response};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tonic::Code;

use super::call::request;
use crate::{
    auth::setup,
    harness::{Server, Setup},
    support::ids::tenant,
    values::{USER, start},
};

const PAGE: &str = "https://app.example.com";

/// A call as a browser's gRPC client makes it: what `connect-web` and `grpc-web` send.
async fn call(server: &Server, origin: &str) -> Response {
    let message = pb::GetTenantSettingsRequest {}.encode_to_vec();
    let mut body = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
    body.extend(message);
    let request = request(
        server,
        Method::POST,
        "/dwell.v1.TenantService/GetTenantSettings",
    )
    .header("content-type", "application/grpc-web+proto")
    .header("x-grpc-web", "1")
    .header("x-tenant-id", tenant(1).to_string())
    .header("origin", origin)
    .body(body);
    request.send().await.unwrap()
}

/// Asks first, as a browser does.
async fn preflight(server: &Server, origin: &str) -> Response {
    let request = request(
        server,
        Method::OPTIONS,
        "/dwell.v1.TenantService/GetTenantSettings",
    )
    .header("origin", origin)
    .header("access-control-request-method", "POST")
    .header(
        "access-control-request-headers",
        "content-type,x-grpc-web,x-tenant-id",
    );
    request.send().await.unwrap()
}

fn allowed(answer: &Response) -> Option<&str> {
    let origin = answer.headers().get("access-control-allow-origin");
    origin.map(|origin| origin.to_str().unwrap())
}

#[tokio::test]
async fn a_page_of_a_known_origin_calls_by_grpc_web() {
    let flags = [
        "--grpc-web",
        "on",
        "--cors-origins",
        "http://localhost:3000,https://app.example.com",
    ];
    let server = Server::limited(&flags).await;
    let asked = preflight(&server, PAGE).await;
    assert_eq!(
        (asked.status().as_u16(), allowed(&asked)),
        (200, Some(PAGE))
    );
    let headers = asked.headers()["access-control-allow-headers"]
        .to_str()
        .unwrap();
    for name in ["content-type", "x-grpc-web", "x-tenant-id", "authorization"] {
        assert!(headers.contains(name), "{headers}");
    }
    assert!(
        !asked
            .headers()
            .contains_key("access-control-allow-credentials")
    );

    let answer = call(&server, PAGE).await;
    assert_eq!(
        (answer.status().as_u16(), allowed(&answer)),
        (200, Some(PAGE))
    );
    let bytes = answer.bytes().await.unwrap();
    let length = usize::from(bytes[4]);
    let message = pb::GetTenantSettingsResponse::decode(&bytes[5..5 + length]).unwrap();
    assert_eq!(message.settings.unwrap().time_zone, "UTC");
    let trailers = &bytes[5 + length..];
    assert_eq!(trailers[0], 0x80);
    let trailers = std::str::from_utf8(&trailers[5..]).unwrap();
    assert!(trailers.contains("grpc-status:0"), "{trailers}");

    // Another page is answered nothing that its browser would show it.
    let asked = preflight(&server, "https://evil.example.com").await;
    assert_eq!(allowed(&asked), None);
    assert_eq!(
        allowed(&call(&server, "https://evil.example.com").await),
        None
    );
}

#[tokio::test]
async fn by_itself_no_page_may_call() {
    let server = Server::sqlite().await;
    let asked = preflight(&server, PAGE).await;
    assert_eq!((asked.status().as_u16(), allowed(&asked)), (404, None));
    let answer = call(&server, PAGE).await;
    assert_eq!((answer.status().as_u16(), allowed(&answer)), (404, None));
}

#[tokio::test]
async fn without_rest_there_is_no_http_1() {
    let server = Server::limited(&["--rest", "off"]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let get = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(get).await.unwrap();
    let mut answer = Vec::new();
    // The connection may be reset.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1"), "{answer:?}");
    server.tenant(1).start(start(USER)).await;
}

/// A call of gRPC over HTTP/1.1, by a page that had its name resolve to this machine or to a page of
/// this machine: the code that it is answered with before its body.
async fn named(server: &Server, media_type: &'static str, host: &'static str) -> Option<Code> {
    let path = "/dwell.v1.TenantService/GetTenantSettings";
    let request = request(server, Method::POST, path)
        .header("content-type", media_type)
        .header("x-tenant-id", tenant(1).to_string())
        .header("host", host)
        .body(vec![0; 5]);
    let answer = request.send().await.unwrap();
    let code = answer.headers().get("grpc-status");
    code.map(|code| Code::from_bytes(code.as_bytes()))
}

#[tokio::test]
async fn where_everybody_is_let_in_grpc_of_a_page_with_a_name_of_its_own_is_not() {
    let web = Server::limited(&["--grpc-web", "on"]).await;
    let pages = Server::limited(&["--rest", "off", "--ui", "on"]).await;
    for (server, media_type) in [
        (&web, "application/grpc-web+proto"),
        (&pages, "application/grpc"),
    ] {
        let refused = Some(Code::PermissionDenied);
        for host in ["evil.example.com", "localhost.example.com:50051"] {
            assert_eq!(named(server, media_type, host).await, refused, "{host}");
        }
        for host in ["localhost", "127.0.0.1:1"] {
            assert_eq!(named(server, media_type, host).await, None, "{host}");
        }
    }
    let known = Server::with(Setup {
        flags: vec!["--grpc-web", "on"],
        ..setup()
    });
    let code = named(&known.await, "application/grpc-web", "api.example.com").await;
    assert_eq!(code, Some(Code::Unauthenticated));
}

#[tokio::test]
async fn grpc_web_goes_without_rest() {
    let server = Server::limited(&["--rest", "off", "--grpc-web", "on"]).await;
    assert_eq!(call(&server, PAGE).await.status(), 200);
    let asked = request(&server, Method::GET, "/v1/settings");
    assert!(asked.send().await.unwrap().status().is_client_error());
}

#[tokio::test]
async fn requests_in_a_row_are_answered_in_a_row() {
    let server = Server::sqlite().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let tenant = tenant(1);
    let get =
        format!("GET /v1/settings HTTP/1.1\r\nHost: localhost\r\nx-tenant-id: {tenant}\r\n\r\n");
    // Two lengths: by the second there would be another request in it.
    let bad = "POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\ncontent-length: 2\r\ncontent-length: 0\r\n\r\n";
    let all = [&*get.repeat(3), bad, &get].concat();
    stream.write_all(all.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3, "{answer}");
    assert_eq!(
        answer.matches("HTTP/1.1 400 Bad Request").count(),
        1,
        "{answer}"
    );
}

#[tokio::test]
async fn a_connection_that_waits_does_not_hold_up_the_end() {
    let server = Server::sqlite().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let tenant = tenant(1);
    let get =
        format!("GET /v1/settings HTTP/1.1\r\nHost: localhost\r\nx-tenant-id: {tenant}\r\n\r\n");
    stream.write_all(get.as_bytes()).await.unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    server.stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), server.served).await;
    ended.unwrap().unwrap().unwrap();
    // What was answered is there to its end.
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("timeZone"), "{rest}");
}
