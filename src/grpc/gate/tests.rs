//! What becomes of the body of a call that is not let in.

use std::convert::Infallible;

use futures::{channel::mpsc, poll};
use http_body::Frame;
use http_body_util::StreamBody;
use prost::bytes::Bytes;
use tower::service_fn;

use super::*;

const CALL: &str = "/dwell.v1.SessionService/GetSession";
const STREAM: &str = "/dwell.v1.SessionService/StreamHeartbeats";

type Sent = Result<Frame<Bytes>, Infallible>;
type Sending = Request<StreamBody<mpsc::UnboundedReceiver<Sent>>>;

/// A request without a tenant, whose body is still to come, from who sends it.
fn anonymous(path: &str) -> (mpsc::UnboundedSender<Sent>, Sending) {
    let (sender, body) = mpsc::unbounded();
    let mut request = Request::new(StreamBody::new(body));
    *request.uri_mut() = path.parse().unwrap();
    (sender, request)
}

fn gate() -> impl Service<
    Sending,
    Response = Response<Body>,
    Error = Infallible,
    Future = BoxFuture<'static, Result<Response<Body>, Infallible>>,
> {
    let layer = GateLayer::new(Auth::None);
    layer.layer(service_fn(async |_| Ok(Response::new(Body::empty()))))
}

fn is_refused(answer: Result<Response<Body>, Infallible>) -> bool {
    answer.unwrap().headers().contains_key("grpc-status")
}

#[tokio::test]
async fn a_call_that_is_not_let_in_is_heard_out_first() {
    let (sender, request) = anonymous(CALL);
    let mut answer = gate().call(request);
    assert!(poll!(&mut answer).is_pending());
    drop(sender);
    assert!(is_refused(answer.await));
}

#[tokio::test]
async fn a_stream_that_is_not_let_in_is_told_so_at_once() {
    let (_sender, request) = anonymous(STREAM);
    assert!(is_refused(gate().call(request).await));
}
