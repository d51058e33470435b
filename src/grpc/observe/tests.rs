//! The end, call by call.

use std::{convert::Infallible, pin::pin};

use futures::poll;
use http::Request;
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt;
use tower::{Layer, Service, service_fn};

use super::ObserveLayer;

const CALL: &str = "/dwell.v1.SessionService/Heartbeat";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

fn request(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

/// Answers OK, unless the call is refused before.
fn server(
    layer: &ObserveLayer,
) -> impl Service<Request<Body>, Response = http::Response<Body>, Error = Infallible> {
    layer.layer(service_fn(async |_: Request<Body>| {
        Ok(Status::ok("").into_http::<Body>())
    }))
}

/// The code and the reason of the answer to a call.
async fn answer(layer: &ObserveLayer, path: &str) -> (Code, String) {
    let answer = server(layer).call(request(path)).await.unwrap();
    let status = Status::from_header_map(answer.headers()).unwrap();
    let info = status.get_details_error_info();
    (
        status.code(),
        info.map(|info| info.reason).unwrap_or_default(),
    )
}

#[tokio::test]
async fn at_the_end_calls_are_refused_and_those_let_in_are_waited_for() {
    let layer = ObserveLayer::default();
    assert_eq!(answer(&layer, CALL).await.0, Code::Ok);
    let under_way = server(&layer).call(request(CALL));
    layer.close();
    let mut drained = pin!(layer.drained());
    assert_eq!(
        answer(&layer, CALL).await,
        (Code::Unavailable, "SHUTTING_DOWN".to_owned())
    );
    assert_eq!(answer(&layer, HEALTH).await.0, Code::Ok);
    assert!(poll!(&mut drained).is_pending());

    let answered = under_way.await.unwrap();
    let status = Status::from_header_map(answered.headers()).unwrap();
    assert_eq!(status.code(), Code::Ok);
    assert!(poll!(&mut drained).is_ready());
}
