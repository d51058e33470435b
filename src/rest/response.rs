//! Answers of gRPC as JSON: one message, or a line for each.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use prost::bytes::{Buf, BufMut, Bytes, BytesMut};
use prost_reflect::DynamicMessage;
use serde::Serialize;
use tonic::{Code, Status, body::Body};

use super::{headers, json, refusal::Refusal, routes::Route};
use crate::grpc::status;

/// The answer to a request, of the answer to its call.
pub async fn of(route: &Arc<Route>, answer: Response<Body>) -> Response<Body> {
    let (parts, body) = answer.into_parts();
    let made = match failure(&parts.headers) {
        Some(status) => Err(status),
        None if route.gives_stream => lines(route, body).await,
        None => whole(route, body).await,
    };
    made.unwrap_or_else(|status| Refusal::from(status).response(&route.statuses))
}

/// How a call ended, unless well.
fn failure(headers: &HeaderMap) -> Option<Status> {
    Status::from_header_map(headers).filter(|status| status.code() != Code::Ok)
}

async fn whole(route: &Route, body: Body) -> Result<Response<Body>, Status> {
    let mut messages = Messages::of(body);
    let first = poll_fn(|cx| messages.poll_next(cx)).await;
    let message = first.transpose()?.ok_or_else(status::no_answer)?;
    // How it ended comes after it.
    if let Some(more) = poll_fn(|cx| messages.poll_next(cx)).await {
        more?;
    }
    let mut told = Vec::with_capacity(2 * message.len());
    write(route, message, &mut told)?;
    Ok(json(StatusCode::OK, told))
}

async fn lines(route: &Arc<Route>, body: Body) -> Result<Response<Body>, Status> {
    let mut messages = Messages::of(body);
    // A call that fails at once is refused as others are. One whose caller goes on is answered
    // before it has sent anything.
    let first = if route.takes_stream {
        None
    } else {
        poll_fn(|cx| messages.poll_next(cx)).await.transpose()?
    };
    let lines = Lines {
        route: route.clone(),
        first,
        messages: Some(messages),
    };
    let mut response = Response::new(Body::new(lines));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static(headers::JSON_LINES);
    headers.insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Writes a message as JSON.
fn write(route: &Route, message: Bytes, to: &mut Vec<u8>) -> Result<(), Status> {
    let told = DynamicMessage::decode(route.output.clone(), message);
    let told = told.map_err(|_| status::no_answer())?;
    let mut json = serde_json::Serializer::new(to);
    told.serialize(&mut json).map_err(|_| status::no_answer())
}

/// The messages of a gRPC body.
struct Messages {
    body: Body,
    buffer: BytesMut,
}

impl Messages {
    fn of(body: Body) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
        }
    }

    /// A message that has come whole. Before each is a byte for its compression, which the services
    /// do not use, and its length.
    fn ready(&mut self) -> Option<Bytes> {
        let length = self.buffer.get(1..5)?.try_into().map(u32::from_be_bytes);
        let length = usize::try_from(length.ok()?).ok()?;
        if self.buffer.len() - 5 < length {
            return None;
        }
        self.buffer.advance(5);
        Some(self.buffer.split_to(length).freeze())
    }

    /// The next one; at the end how the call ended, unless well.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        loop {
            if let Some(message) = self.ready() {
                return Poll::Ready(Some(Ok(message)));
            }
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)?) else {
                return Poll::Ready(None);
            };
            match frame.into_data() {
                Ok(data) => self.buffer.put(data),
                Err(frame) => {
                    let failed = frame.trailers_ref().and_then(failure);
                    return Poll::Ready(failed.map(Err));
                }
            }
        }
    }
}

/// A line for each message; one that tells an error is the last.
struct Lines {
    route: Arc<Route>,
    first: Option<Bytes>,
    messages: Option<Messages>,
}

impl Lines {
    fn line(&self, message: Bytes) -> Result<Vec<u8>, Status> {
        let mut line = Vec::with_capacity(2 * message.len());
        write(&self.route, message, &mut line)?;
        line.push(b'\n');
        Ok(line)
    }

    fn failed(&self, status: &Status) -> Vec<u8> {
        let status = self.route.statuses.json(status);
        [b"{\"error\":", &*status, b"}\n"].concat()
    }
}

impl HttpBody for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        let next = match (this.first.take(), &mut this.messages) {
            (Some(first), _) => Some(Ok(first)),
            (None, Some(messages)) => ready!(messages.poll_next(cx)),
            (None, None) => None,
        };
        let line = next.map(|next| next.and_then(|message| this.line(message)));
        if !matches!(line, Some(Ok(_))) {
            this.messages = None;
        }
        let line = line.map(|line| line.unwrap_or_else(|status| this.failed(&status)));
        Poll::Ready(line.map(|line| Ok(Frame::data(line.into()))))
    }
}

/// A body that is whole.
pub struct Whole(pub Option<Bytes>);

impl HttpBody for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
