//! What the service does not take on.

use std::{error::Error, time::Duration};

use dwell::pb::v1 as pb;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_types::StatusExt;

use crate::{
    harness::{Caller, Server},
    support::ids::tenant,
    values::{USER, reason, refusal, seconds, start},
    wire,
};

/// What a refusal says, and when to come back.
fn refused<T>(answer: Result<T, Status>) -> (Code, String, Duration) {
    let status = answer.err().expect("it is refused");
    let retry = status.get_details_retry_info().expect("it says when");
    (status.code(), reason(&status), retry.retry_delay.unwrap())
}

/// Asks for a stream of heartbeats that ends when the sender is dropped.
async fn open(
    caller: &mut Caller,
) -> Result<
    (
        mpsc::Sender<pb::StreamHeartbeatsRequest>,
        tonic::Streaming<pb::StreamHeartbeatsResponse>,
    ),
    Status,
> {
    let (sender, messages) = mpsc::channel(1);
    let messages = ReceiverStream::new(messages);
    let answers = caller.sessions.stream_heartbeats(messages).await?;
    Ok((sender, answers.into_inner()))
}

#[tokio::test]
async fn streams_have_so_many_places_for_a_tenant_and_for_all() {
    let server = Server::limited(&["--max-tenant-streams", "1", "--max-streams", "2"]).await;
    let [mut one, mut two, mut three] = [1, 2, 3].map(|number| server.tenant(number));
    let (sender, mut answers) = open(&mut one).await.unwrap();
    let (code, reason, wait) = refused(open(&mut one).await);
    let expected = (Code::ResourceExhausted, "TENANT_OVERLOADED");
    assert_eq!((code, &*reason), expected);
    assert_eq!(wait, Duration::from_secs(1));
    let _second = open(&mut two).await.unwrap();
    let (code, reason, _) = refused(open(&mut three).await);
    assert_eq!((code, &*reason), (Code::ResourceExhausted, "OVERLOADED"));
    // Everything else goes on.
    one.start(start(USER)).await;
    three.start(start(USER)).await;
    drop(sender);
    assert!(answers.message().await.unwrap().is_none());
    open(&mut three).await.unwrap();
}

#[tokio::test]
async fn calls_have_so_many_places() {
    let server = Server::limited(&["--max-calls", "1"]).await;
    let mut caller = server.tenant(1);
    // Its message never comes, so it is under way for as long as it is waited for; refused while
    // one of the others is.
    let channel = server.channel.clone();
    let held = tokio::spawn(async move {
        loop {
            let mut request = Request::new(tokio_stream::pending());
            wire::name(&mut request, &[&tenant(1).to_string()]);
            let answer = wire::send(&channel, "/dwell.v1.SessionService/GetSession", request).await;
            assert_eq!(answer.unwrap_err().code(), Code::ResourceExhausted);
        }
    });
    let request = || pb::GetTenantSettingsRequest {};
    let refusal = loop {
        // Until it has come in.
        let answer = caller.settings.get_tenant_settings(request()).await;
        if answer.is_err() {
            break refused(answer);
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(refusal.0, Code::ResourceExhausted);
    assert_eq!(refusal.2, Duration::from_millis(100));
    let mut health = HealthClient::new(server.channel.clone());
    health.check(HealthCheckRequest::default()).await.unwrap();
    open(&mut caller).await.unwrap();
    held.abort();
    // Its place is free once the server hears of it.
    while caller
        .settings
        .get_tenant_settings(request())
        .await
        .is_err()
    {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_tenant_begins_so_many_calls_in_a_second() {
    let server = Server::limited(&["--tenant-rate", "2", "--tenant-burst", "3"]).await;
    let (mut hasty, mut other) = (server.tenant(1), server.tenant(2));
    for _ in 0..3 {
        hasty.start(start(USER)).await;
    }
    let answer = hasty.sessions.start_session(start(USER)).await;
    let (code, reason, wait) = refused(answer);
    assert_eq!((code, &*reason), (Code::ResourceExhausted, "TENANT_RATE"));
    assert_eq!(wait, Duration::from_millis(500));
    other.start(start(USER)).await;
    let mut health = HealthClient::new(server.channel.clone());
    for _ in 0..10 {
        health.check(HealthCheckRequest::default()).await.unwrap();
    }
    server.pass(wait);
    hasty.start(start(USER)).await;
    assert!(hasty.sessions.start_session(start(USER)).await.is_err());
}

#[tokio::test]
async fn a_tenant_uses_so_many_names_in_a_day() {
    let flags = [
        "--max-feature-names",
        "2",
        "--max-score-names",
        "1",
        "--max-tags",
        "2",
    ];
    let server = Server::limited(&flags).await;
    let mut caller = server.tenant(1);
    let record = |names: &[&str]| pb::RecordUsageRequest {
        user_id: USER.to_owned(),
        increment: Some(pb::UsageIncrement {
            feature_usage: names.iter().map(|name| ((*name).to_owned(), 1)).collect(),
            ..Default::default()
        }),
        ..Default::default()
    };
    caller.record_usage(record(&["a", "b"])).await;
    let answer = caller.usage.record_usage(record(&["b", "c"])).await;
    let status = answer.unwrap_err();
    assert!(
        status.message().contains("more than 2 distinct"),
        "{status}"
    );
    let quota = status.get_details_quota_failure().unwrap();
    assert_eq!(quota.violations[0].subject, "feature_names");
    let (code, reason, wait) = refused::<()>(Err(status));
    assert_eq!(
        (code, &*reason),
        (Code::ResourceExhausted, "TOO_MANY_NAMES")
    );
    // It is nine in the morning.
    assert_eq!(wait, Duration::from_hours(15));
    let messages = ["a", "c", "b"].map(|name| pb::ImportUsageRequest {
        record: Some(record(&[name])),
    });
    let answers = caller
        .usage
        .import_usage(tokio_stream::iter(messages))
        .await;
    let mut answers = answers.unwrap().into_inner();
    for code in [Code::Ok, Code::ResourceExhausted, Code::Ok] {
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(Code::from(answer.code), code, "{answer:?}");
    }
    server.pass(wait);
    caller.record_usage(record(&["c"])).await;

    let result = |score: &str, tag: &str| {
        Some(pb::SessionResult {
            scores: [(score.to_owned(), 50.0)].into(),
            topics: vec![tag.to_owned()],
            areas_to_improve: vec!["articles".to_owned()],
            ..Default::default()
        })
    };
    let save = |result| pb::RecordSessionRequest {
        user_id: USER.to_owned(),
        duration: seconds(60),
        result,
        ..Default::default()
    };
    let right = save(result("fluency", "travel"));
    caller.sessions.record_session(right).await.unwrap();
    let too_many = (Code::ResourceExhausted, "TOO_MANY_NAMES".to_owned());
    for wrong in [result("018f4e9c", "travel"), result("fluency", "018f4e9c")] {
        let answer = caller.sessions.record_session(save(wrong.clone())).await;
        assert_eq!(refusal(answer), too_many);
        let session_id = caller.start(start(USER)).await.id;
        let end = pb::EndSessionRequest {
            session_id,
            result: wrong,
            ..Default::default()
        };
        assert_eq!(refusal(caller.sessions.end_session(end).await), too_many);
    }
}

#[tokio::test]
async fn messages_have_a_size() {
    let flags = ["--max-request-size", "2", "--max-response-size", "1"];
    let server = Server::limited(&flags).await;
    let mut caller = server.tenant(1);
    let with_notes = |length: usize| pb::RecordSessionRequest {
        user_id: USER.to_owned(),
        duration: seconds(60),
        notes: "n".repeat(length),
        ..Default::default()
    };
    let small = caller.sessions.record_session(with_notes(300)).await;
    small.unwrap();
    let large = caller.sessions.record_session(with_notes(2_100)).await;
    assert_eq!(large.unwrap_err().code(), Code::ResourceExhausted);
    for _ in 0..2 {
        caller
            .sessions
            .record_session(with_notes(300))
            .await
            .unwrap();
    }
    let page = |page_size| pb::ListSessionsRequest {
        page_size,
        ..Default::default()
    };
    caller.sessions.list_sessions(page(1)).await.unwrap();
    let whole = caller.sessions.list_sessions(page(3)).await;
    assert_eq!(whole.unwrap_err().code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn metadata_has_a_size() {
    let server = Server::limited(&["--max-metadata-size", "2"]).await;
    let mut health = HealthClient::new(server.channel.clone());
    let with = |length: usize| {
        let mut request = Request::new(HealthCheckRequest::default());
        let value = "x".repeat(length).parse().unwrap();
        request.metadata_mut().insert("x-more", value);
        request
    };
    health.check(with(1_000)).await.unwrap();
    assert!(health.check(with(3_000)).await.is_err());
    health.check(with(1_000)).await.unwrap();
}

#[tokio::test]
async fn there_are_so_many_connections() -> Result<(), Box<dyn Error>> {
    let server = Server::limited(&["--max-connections", "1"]).await;
    let address = server.endpoint.uri().authority().unwrap().to_string();
    // Before it the server does not know which HTTP it is.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let mut first = TcpStream::connect(&address).await?;
    first.write_all(preface).await?;
    // The settings that a server begins with.
    first.read_exact(&mut [0; 9]).await?;
    let mut second = TcpStream::connect(&address).await?;
    assert!(matches!(second.read(&mut [0; 9]).await, Ok(0) | Err(_)));
    drop(first);
    // There is room once the server hears of it.
    loop {
        let mut third = TcpStream::connect(&address).await?;
        let sent = third.write_all(preface).await.is_ok();
        if sent && third.read_exact(&mut [0; 9]).await.is_ok() {
            return Ok(());
        }
    }
}

#[tokio::test]
async fn a_time_that_is_up_is_told_by_the_server() {
    let server = Server::sqlite().await;
    let address = server.endpoint.uri().authority().unwrap().to_string();
    let io = TcpStream::connect(&address).await.unwrap();
    let (client, connection) = h2::client::handshake(io).await.unwrap();
    tokio::spawn(connection);
    for method in ["GetSession", "StreamHeartbeats"] {
        let mut client = client.clone().ready().await.unwrap();
        let request =
            http::Request::post(format!("http://{address}/dwell.v1.SessionService/{method}"))
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .header("x-tenant-id", tenant(1).to_string())
                .header("grpc-timeout", "20m");
        // The message never comes.
        let (answer, _message) = client
            .send_request(request.body(()).unwrap(), false)
            .unwrap();
        let (mut head, mut body) = answer.await.unwrap().into_parts();
        assert!(body.data().await.is_none());
        if let Some(trailers) = body.trailers().await.unwrap() {
            head.headers.extend(trailers);
        }
        assert_eq!(head.headers["grpc-status"], "4", "{method}");
    }
}
