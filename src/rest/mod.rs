//! HTTP and JSON beside gRPC: a layer in front of all others that makes a gRPC call of a request,
//! by the `google.api.http` rules of the contract, and JSON of its answer. It knows no method by
//! name, and what a gRPC call passes (the gate, limits, deadlines, logs) a request passes too: its
//! body is read and understood only when a handler asks for the message, or the call is refused for
//! want of room and heard out.
//!
//! - [`routes`]: which method a request is for.
//! - [`request`]: the message of its path, query and body; [`values`] reads single values.
//! - [`response`]: the answer as JSON, or as JSON lines.
//! - [`refusal`]: a status as HTTP has it.
//! - [`cors`]: which pages may call from a browser; [`own_machine`]: under which name.

pub mod cors;
mod headers;
pub mod own_machine;
mod refusal;
mod request;
mod response;
mod routes;
mod values;

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures::future::{BoxFuture, Either, Ready, ready};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::Body as HttpBody;
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::{error, info};

use self::{
    refusal::Refusal,
    request::{Parameters, RequestBody},
    routes::{Found, Route, Routes},
};
use crate::config::{LimitArgs, Switch, WebArgs};

/// Where all of it is described.
const DESCRIPTION: &str = "/openapi.json";
const OPENAPI: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// What a request may be.
#[derive(Clone, Copy, Debug)]
struct Rules {
    /// Bytes that a message may have as JSON.
    max_message: usize,
    /// Bytes that target and headers of a request may have, as HTTP/2 counts them. HTTP/2 keeps to
    /// it by itself.
    max_headers: usize,
    /// Whether anybody may ask which methods there are.
    described: bool,
    /// Whether gRPC-Web is understood further in.
    grpc_web: bool,
    /// Whether anybody who reaches the port is let in, so that it must be asked for as this machine.
    own_machine: bool,
}

/// Takes requests that are not gRPC.
#[derive(Clone, Copy)]
pub struct RestLayer {
    rules: Rules,
}

impl RestLayer {
    /// The layer, if it is on. `described` is whether anybody may ask which methods there are,
    /// `own_machine` whether whoever reaches the port is let in.
    #[must_use]
    pub fn of(
        web: &WebArgs,
        limits: &LimitArgs,
        described: bool,
        own_machine: bool,
    ) -> Option<Self> {
        if web.rest == Switch::Off {
            return None;
        }
        let bytes = |size| usize::try_from(size).unwrap_or(usize::MAX);
        let rules = Rules {
            max_message: bytes(limits.max_request_size),
            max_headers: bytes(limits.max_metadata_size),
            described,
            grpc_web: web.grpc_web == Switch::On,
            own_machine,
        };
        Some(Self { rules })
    }
}

impl<S> Layer<S> for RestLayer {
    type Service = Rest<S>;

    fn layer(&self, inner: S) -> Rest<S> {
        Rest { inner, rest: *self }
    }
}

/// gRPC services that can be called by HTTP and JSON too.
#[derive(Clone)]
pub struct Rest<S> {
    inner: S,
    rest: RestLayer,
}

type Answer<E> = Result<Response<Body>, E>;
type Answered<E> = Either<Ready<Answer<E>>, BoxFuture<'static, Answer<E>>>;

impl<S> Service<Request<Body>> for Rest<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Answered<S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if headers::is_grpc(&request, self.rest.rules.grpc_web) {
            return Either::Left(self.inner.call(request));
        }
        let form = Form::of(&request);
        let answer = match self.rest.translate(request) {
            Translated::Call(route, call) => {
                let answer = self.inner.call(call);
                Either::Right(Box::pin(async move {
                    let answer = response::of(&route, answer.await?).await;
                    let is_known = answer.status() != StatusCode::UNAUTHORIZED;
                    Ok(form.give(answer, is_known))
                }) as BoxFuture<'static, _>)
            }
            Translated::Answer(answer) => Either::Left(ready(Ok(form.give(answer, false)))),
        };
        Either::Right(answer)
    }
}

/// What becomes of a request.
enum Translated {
    /// A gRPC call.
    Call(Arc<Route>, Request<Body>),
    /// It is answered without one.
    Answer(Response<Body>),
}

impl RestLayer {
    fn translate(self, mut request: Request<Body>) -> Translated {
        let routes = match Routes::of_contract() {
            Ok(routes) => routes,
            Err(error) => {
                error!("{error}");
                return Translated::Answer(empty(StatusCode::INTERNAL_SERVER_ERROR));
            }
        };
        let (route, captures) = match self.route(routes, &request) {
            Ok(Found::Route(route, captures)) => (route, captures),
            Ok(Found::Methods(methods)) => return Translated::Answer(options(&methods)),
            Ok(Found::Description) => return Translated::Answer(openapi()),
            Err(refusal) => {
                let (method, path) = (request.method(), request.uri().path());
                info!(%method, path, status = refusal.http().as_u16(), "refused");
                return Translated::Answer(refusal.response(&routes.statuses));
            }
        };
        let timeout = headers::timeout(request.headers());
        let query = request.uri().query().map(str::to_owned);
        headers::make_grpc(request.headers_mut());
        let timeout = match timeout {
            Ok(timeout) => {
                headers::set_timeout(request.headers_mut(), timeout);
                None
            }
            Err(wrong) => Some(wrong),
        };
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = route.uri.clone();
        let parameters = Parameters::new(route.clone(), captures, query);
        let max = self.rules.max_message;
        let call = request.map(|body| Body::new(RequestBody::new(parameters, timeout, body, max)));
        Translated::Call(route, call)
    }

    /// What a request is for, as far as can be said without knowing who sends it.
    fn route(self, routes: &Routes, request: &Request<Body>) -> Result<Found, Refusal> {
        if headers::size(request) > self.rules.max_headers {
            return Err(Refusal::headers_too_large(self.rules.max_headers));
        }
        if self.rules.own_machine && !headers::is_to_own_machine(request) {
            return Err(Refusal::other_machine());
        }
        let (method, path) = (request.method(), request.uri().path());
        let found = if path == DESCRIPTION && self.rules.described {
            match *method {
                Method::GET | Method::HEAD => Some(Found::Description),
                _ => Some(Found::Methods(vec![Method::GET, Method::HEAD])),
            }
        } else {
            routes.find(method, path)
        };
        match found {
            None => Err(Refusal::no_such_path()),
            Some(Found::Methods(methods)) if method != Method::OPTIONS => {
                Err(Refusal::method_not_allowed(&methods))
            }
            Some(Found::Route(route, captures)) => {
                if !request.body().is_end_stream() {
                    headers::check_body(&route, request.headers())?;
                }
                Ok(Found::Route(route, captures))
            }
            Some(found) => Ok(found),
        }
    }
}

fn openapi() -> Response<Body> {
    json(StatusCode::OK, OPENAPI)
}

fn options(methods: &[Method]) -> Response<Body> {
    let mut response = empty(StatusCode::NO_CONTENT);
    headers::allow(response.headers_mut(), methods);
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A response of JSON that is whole.
fn json(status: StatusCode, json: impl Into<prost::bytes::Bytes>) -> Response<Body> {
    let json = json.into();
    let length = HeaderValue::from(json.len());
    let mut response = Response::new(Body::new(response::Whole(Some(json))));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(headers::JSON),
    );
    headers.insert(header::CONTENT_LENGTH, length);
    response
}

/// What the form of a request asks of that of its answer.
#[derive(Clone, Copy)]
struct Form {
    is_head: bool,
    is_http1: bool,
}

impl Form {
    fn of(request: &Request<Body>) -> Self {
        Self {
            is_head: request.method() == Method::HEAD,
            is_http1: request.version() < Version::HTTP_2,
        }
    }

    /// The answer to HEAD is that to GET, but for the body. Of HTTP/1 who is not known has one
    /// request, because a further one has limits only of hyper's.
    fn give(self, mut response: Response<Body>, is_known: bool) -> Response<Body> {
        if self.is_http1 && !is_known {
            let headers = response.headers_mut();
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.is_head {
            return response.map(|_| Body::empty());
        }
        response
    }
}
