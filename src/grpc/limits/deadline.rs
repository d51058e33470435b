//! Calls end when their time is up: what `grpc-timeout` says, and for those that are no streams at
//! most what the service allows. What was done for the caller is dropped then; a write that was
//! queued is carried out all the same.
//!
//! tonic keeps `grpc-timeout` too, but answers CANCELLED and lets streams go on. So ours is up a
//! little earlier, which also leaves the answer the time to reach its caller.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::{BoxFuture, Either, ready};
use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tonic::body::Body;
use tower::{Layer, Service};

use super::is_unary;
use crate::grpc::status;

/// What the caller gives the call.
const HEADER: &str = "grpc-timeout";
/// How much earlier than the caller's own time.
const EARLIER: Duration = Duration::from_millis(1);

/// Gives calls a deadline.
#[derive(Clone, Debug)]
pub struct DeadlineLayer {
    longest: Duration,
}

impl DeadlineLayer {
    /// Calls that are no streams take at most `longest`.
    #[must_use]
    pub const fn new(longest: Duration) -> Self {
        Self { longest }
    }

    /// How long a call may take that is a stream or is not.
    fn of(&self, is_stream: bool, headers: &HeaderMap) -> Result<Option<Duration>, ()> {
        let asked = asked(headers)?;
        let most = (!is_stream).then_some(self.longest);
        let asked = asked.map(|asked| asked.saturating_sub(EARLIER));
        Ok([asked, most].into_iter().flatten().min())
    }
}

/// What the caller says; `None` if nothing. By the specification it is 1 to 8 digits and a unit.
fn asked(headers: &HeaderMap) -> Result<Option<Duration>, ()> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(None);
    };
    let (unit, digits) = value.as_bytes().split_last().ok_or(())?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return Err(());
    }
    let digits = std::str::from_utf8(digits).map_err(|_| ())?;
    let amount = digits.parse().map_err(|_| ())?;
    let time = match unit {
        b'H' => Duration::from_hours(amount),
        b'M' => Duration::from_mins(amount),
        b'S' => Duration::from_secs(amount),
        b'm' => Duration::from_millis(amount),
        b'u' => Duration::from_micros(amount),
        b'n' => Duration::from_nanos(amount),
        _ => return Err(()),
    };
    Ok(Some(time))
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed {
            inner,
            rules: self.clone(),
        }
    }
}

/// A service whose calls have a deadline.
#[derive(Clone, Debug)]
pub struct Timed<S> {
    inner: S,
    rules: DeadlineLayer,
}

impl<S, B> Service<Request<B>> for Timed<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let is_stream = !is_unary(request.uri().path());
        let answer = match self.rules.of(is_stream, request.headers()) {
            Err(()) => Either::Left(ready(Ok(status::bad_timeout().into_http()))),
            Ok(time) => {
                let deadline = time.map(|time| Instant::now() + time);
                let answer = self.inner.call(request);
                Either::Right(until(deadline, is_stream, answer))
            }
        };
        Box::pin(answer)
    }
}

/// The answer or, at the deadline, that it is too late. What a stream answers comes bit by bit; of
/// other calls it is whole when it begins.
async fn until<E>(
    deadline: Option<Instant>,
    is_stream: bool,
    answer: impl Future<Output = Result<Response<Body>, E>>,
) -> Result<Response<Body>, E> {
    let Some(deadline) = deadline else {
        return answer.await;
    };
    match timeout_at(deadline, answer).await {
        Ok(response) if !is_stream => response,
        Ok(response) => Ok(response?.map(|body| {
            Body::new(TimedBody {
                body: Some(body),
                end: Box::pin(sleep_until(deadline)),
            })
        })),
        Err(_) => Ok(status::too_late().into_http()),
    }
}

/// A response body that ends with a status at the deadline.
struct TimedBody {
    /// Gone when the time is up.
    body: Option<Body>,
    end: Pin<Box<Sleep>>,
}

impl HttpBody for TimedBody {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        if !body.is_end_stream() && this.end.as_mut().poll(cx).is_ready() {
            this.body = None;
            let mut trailers = HeaderMap::new();
            // Our own statuses always make headers.
            let _ = status::too_late().add_header(&mut trailers);
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        Pin::new(body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests;
