//! What becomes of the body of a call that is refused.

use std::{convert::Infallible, future::pending};

use clap::Parser;
use futures::{channel::mpsc, poll};
use http_body_util::StreamBody;
use prost::bytes::Bytes;
use tower::service_fn;
use uuid::Uuid;

use super::*;
use crate::{
    auth::{Caller, Roles},
    config::Cli,
    domain::time::{ManualClock, Timestamp},
};

const CALL: &str = "/dwell.v1.SessionService/GetSession";
const STREAM: &str = "/dwell.v1.SessionService/StreamHeartbeats";

type Sent = Result<Frame<Bytes>, Infallible>;

type Sending = Request<StreamBody<mpsc::UnboundedReceiver<Sent>>>;

/// A service that lets the tenant begin one call, which it has begun.
async fn full() -> impl Service<
    Sending,
    Response = Response<Body>,
    Error = Infallible,
    Future = BoxFuture<'static, Answer<Infallible>>,
> {
    let limits = "dwell --tenant-rate 1 --tenant-burst 1".split(' ');
    let limits = Cli::parse_from(limits).serve.limits;
    let clock = Arc::new(ManualClock::at(Timestamp::FIRST));
    let layer = AdmissionLayer::new(&limits, clock);
    let mut service = layer.layer(service_fn(async |_| Ok(Response::new(Body::empty()))));
    let (_, first) = request(CALL);
    assert!(!is_refused(service.call(first).await));
    service
}

/// A request whose body is still to come, from who sends it.
fn request(path: &str) -> (mpsc::UnboundedSender<Sent>, Sending) {
    #[expect(clippy::disallowed_methods, reason = "tests make their tenants")]
    let tenant = TenantId::from_verified(Uuid::from_u128(1));
    let roles = Roles {
        service: true,
        ..Roles::default()
    };
    let caller = Caller {
        tenant,
        roles,
        user: None,
    };
    let (sender, body) = mpsc::unbounded();
    let mut request = Request::new(StreamBody::new(body));
    *request.uri_mut() = path.parse().unwrap();
    let access = Access::of(caller, roles).unwrap();
    request.extensions_mut().insert(access);
    (sender, request)
}

fn is_refused(answer: Answer<Infallible>) -> bool {
    answer
        .unwrap()
        .headers()
        .get("grpc-status")
        .is_some_and(|code| code == "8")
}

#[tokio::test]
async fn a_refused_call_is_heard_out_first() {
    let mut service = full().await;
    let (sender, request) = request(CALL);
    let mut answer = service.call(request);
    assert!(poll!(&mut answer).is_pending());
    sender
        .unbounded_send(Ok(Frame::data(Bytes::from_static(b"a message"))))
        .unwrap();
    assert!(poll!(&mut answer).is_pending());
    drop(sender);
    assert!(is_refused(answer.await));
}

#[tokio::test]
async fn a_refused_stream_is_refused_at_once() {
    let mut service = full().await;
    let (_sender, request) = request(STREAM);
    assert!(is_refused(service.call(request).await));
}

#[tokio::test]
async fn where_there_is_no_room_nobody_asks_who_calls() {
    let limits = "dwell --max-calls 1 --max-streams 1".split(' ');
    let limits = Cli::parse_from(limits).serve.limits;
    let clock = Arc::new(ManualClock::at(Timestamp::FIRST));
    let layer = AdmissionLayer::new(&limits, clock);
    let unanswered = service_fn(|_: Sending| pending::<Answer<Infallible>>());
    let answered = service_fn(async |_: Sending| Ok::<_, Infallible>(Response::new(Body::empty())));
    let (mut inner, mut door) = (layer.layer(unanswered), layer.door().layer(answered));
    let anonymous = |path: &str| {
        let mut request = request(path).1;
        request.extensions_mut().clear();
        request
    };
    assert!(!is_refused(door.call(anonymous(CALL)).await));
    let held = inner.call(request(CALL).1);
    assert!(is_refused(door.call(anonymous(CALL)).await));
    // Neither streams, nor health, nor what there is not.
    for other in [STREAM, "/grpc.health.v1.Health/Check", "/nothing"] {
        assert!(!is_refused(door.call(anonymous(other)).await), "{other}");
    }
    let full: u64 = layer.refusals().by_reason().map(|(_, count)| count).sum();
    assert_eq!(full, 1);
    drop(held);
    assert!(!is_refused(door.call(anonymous(CALL)).await));
}
