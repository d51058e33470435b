//! Who calls from a browser where everybody is let in: gRPC-Web, and gRPC over HTTP/1.1.

use std::task::{Context, Poll};

use futures::future::{Either, Ready, ready};
use http::{Request, Response, Version};
use tonic::body::Body;
use tower::{Layer, Service};

use super::headers;
use crate::grpc::status;

/// Refuses calls that a page of another name can make, by having its name resolve to this machine
/// (DNS rebinding). No browser speaks HTTP/2 without TLS, whose certificate such a page has not; what
/// comes as HTTP and JSON is asked before it is made a call.
#[derive(Clone, Copy, Debug)]
pub struct OwnMachineLayer;

impl<S> Layer<S> for OwnMachineLayer {
    type Service = OwnMachine<S>;

    fn layer(&self, inner: S) -> OwnMachine<S> {
        OwnMachine(inner)
    }
}

/// Services that are called as this machine's own.
#[derive(Clone, Debug)]
pub struct OwnMachine<S>(S);

impl<S> Service<Request<Body>> for OwnMachine<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let from_browser =
            request.version() < Version::HTTP_2 || !headers::is_grpc(&request, false);
        if from_browser && !headers::is_to_own_machine(&request) {
            return Either::Right(ready(Ok(status::other_machine().into_http())));
        }
        Either::Left(self.0.call(request))
    }
}
