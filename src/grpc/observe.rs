//! One log line for each call, whatever becomes of it; and what is counted and traced of it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use futures::future::{BoxFuture, Either, ready};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};
use tonic::{Code, body::Body};
use tower::{Layer, Service};
use tracing::{Instrument, Span, field, info, info_span};

use super::status;
use crate::telemetry::{
    calls::{Begun, Calls},
    traces,
};

const STATUS: &str = "grpc-status";
const DETAILS: &str = "grpc-status-details-bin";
/// What is said of a call whose caller went away before its end.
const GONE: Code = Code::Cancelled;

/// Before the methods of health and reflection, which may stay open for as long as they like.
const INFRASTRUCTURE: &str = "grpc.";

/// Logs, counts and traces each call of the services it is around, knows which are under way, and
/// lets no more begin at the end.
#[derive(Clone, Debug, Default)]
pub struct ObserveLayer {
    calls: TaskTracker,
    counted: Calls,
}

impl ObserveLayer {
    /// From now on calls of ours are refused as they come. Health and reflection are answered.
    pub fn close(&self) {
        self.calls.close();
    }

    /// Returns when none is under way that was let in before [`Self::close`].
    pub async fn drained(&self) {
        self.calls.wait().await;
    }

    /// What is counted of them.
    #[must_use]
    pub fn counted(&self) -> Calls {
        self.counted.clone()
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe {
            inner,
            calls: self.calls.clone(),
            counted: self.counted.clone(),
        }
    }
}

/// A service whose calls are observed.
#[derive(Clone, Debug)]
pub struct Observe<S> {
    inner: S,
    calls: TaskTracker,
    counted: Calls,
}

impl<S, B> Service<Request<B>> for Observe<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        let method = path.trim_start_matches('/');
        let counted = self.counted.begin(path);
        // Neither health, which is asked all the time, nor what there is not.
        let traced = counted.name().map_or_else(traces::Span::default, |name| {
            traces::Span::call(name, request.headers())
        });
        let span = info_span!("call", method, tenant = field::Empty, trace = field::Empty);
        if let Some(trace) = traced.trace_id() {
            span.record("trace", field::display(trace));
        }
        let under_way = (!method.starts_with(INFRASTRUCTURE)).then(|| self.calls.token());
        // Whoever has a token before it is closed is waited for.
        let refused = under_way.is_some() && self.calls.is_closed();
        let mut call = Call {
            span: span.clone(),
            counted,
            traced,
            begun: Instant::now(),
            status: None,
            _under_way: under_way.filter(|_| !refused),
        };
        let answer = if refused {
            Either::Left(ready(Ok(status::stopping().into_http())))
        } else {
            Either::Right(span.in_scope(|| self.inner.call(request)))
        };
        let answer = call.traced.around(answer.instrument(span));
        Box::pin(async move {
            let mut response = answer.await?;
            own_up(response.headers_mut());
            call.see(response.headers());
            Ok(response.map(|body| Body::new(Observed { body, call })))
        })
    }
}

/// tonic answers INTERNAL to a message that it cannot read and `OUT_OF_RANGE` to one that is too
/// large, which gRPC calls otherwise. Ours always carry details.
fn own_up(headers: &mut HeaderMap) {
    if headers.contains_key(DETAILS) {
        return;
    }
    let code = headers
        .get(STATUS)
        .map(|status| Code::from_bytes(status.as_bytes()));
    let rightly = match code {
        Some(Code::Internal) => Code::InvalidArgument,
        Some(Code::OutOfRange) => Code::ResourceExhausted,
        _ => return,
    };
    headers.insert(STATUS, HeaderValue::from(rightly as i32));
}

/// A call under way; logged, counted and traced when it is dropped.
struct Call {
    span: Span,
    counted: Begun,
    traced: traces::Span,
    begun: Instant,
    status: Option<Code>,
    _under_way: Option<TaskTrackerToken>,
}

impl Call {
    fn see(&mut self, headers: &HeaderMap) {
        if let Some(status) = headers.get(STATUS) {
            self.status = Some(Code::from_bytes(status.as_bytes()));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let code = self.status.unwrap_or(GONE);
        let status = code_name(code);
        let time = self.begun.elapsed();
        self.counted.end(code, time);
        self.traced.answered(code, status);
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let duration_ms = f64::from(micros) / 1_000.0;
        info!(parent: &self.span, status, duration_ms, "answered");
    }
}

/// A response body whose end tells the status.
struct Observed {
    body: Body,
    call: Call,
}

impl HttpBody for Observed {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = &mut *self;
        let _of_call = this.call.traced.enter();
        let mut frame = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &mut frame
            && let Some(trailers) = frame.trailers_mut()
        {
            own_up(trailers);
            this.call.see(trailers);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// As the gRPC specification spells it.
#[must_use]
pub const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests;
