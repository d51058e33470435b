//! Sessions as a file, sent on as the service reads it.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures::Stream;
use http_body::{Body as HttpBody, Frame};
use prost::bytes::Bytes;
use tonic::{Status, Streaming, body::Body};

use super::{
    answer::{self, Page},
    request::Fields,
    sessions,
    sign_in::SignedIn,
    zone::Zone,
};
use crate::pb::v1 as pb;

/// The sessions that a list of the same filter has.
pub async fn download(query: &Fields, who: &SignedIn) -> Page {
    use pb::export_sessions_request::Format;
    let (format, content_type, name) = match query.get("format") {
        "" | "csv" => (Format::Csv, "text/csv; charset=utf-8", "sessions.csv"),
        "ndjson" => (Format::Ndjson, "application/x-ndjson", "sessions.ndjson"),
        _ => return Err(Status::invalid_argument("the format is csv or ndjson")),
    };
    let api = &who.api;
    let zone = Zone::of(api).await?;
    let request = api.stream(pb::ExportSessionsRequest {
        format: format.into(),
        filter: Some(sessions::filter(query, &zone)?),
    });
    let chunks = api.reports().export_sessions(request).await?.into_inner();
    answer::file(content_type, name, Body::new(Chunks(chunks)))
}

/// The chunks of a file. An error breaks the connection off, so that nobody takes a part of the
/// file for the whole.
struct Chunks(Streaming<pb::ExportSessionsResponse>);

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let chunk = ready!(Pin::new(&mut self.0).poll_next(cx));
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(Bytes::from(chunk?.chunk)))))
    }
}
