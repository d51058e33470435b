//! `ExportSessions`: pages of sessions, newest start first, as lines of a file.
//!
//! Each session is in it once, as it was when its page was read; one that starts while the file
//! is being read is not.

use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use tonic::Status;

use super::csv;
use crate::{
    domain::{ids::TenantId, session::SessionView},
    grpc::{Context, convert, file},
    pb::v1 as pb,
};

/// Rows of a page. The largest sessions are some hundred KiB, so that pages of them are bounded.
const PAGE: usize = 500;

/// What a file is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// By RFC 4180, with a header.
    Csv,
    /// A proto JSON object a line.
    Ndjson,
}

impl Format {
    fn header(self) -> Vec<u8> {
        match self {
            Self::Csv => csv::header(),
            Self::Ndjson => Vec::new(),
        }
    }

    fn lines(self, sessions: Vec<SessionView>) -> Vec<u8> {
        let mut lines = Vec::new();
        for session in sessions.into_iter().map(convert::session) {
            match self {
                Self::Csv => csv::row(&mut lines, &session),
                Self::Ndjson => {
                    lines.extend(csv::json(&session).into_bytes());
                    lines.push(b'\n');
                }
            }
        }
        lines
    }
}

pub fn chunks(
    context: &Context,
    tenant: TenantId,
    request: &pb::ExportSessionsRequest,
) -> Result<BoxStream<'static, Result<pb::ExportSessionsResponse, Status>>, Status> {
    let (format, filter) = convert::export_filter(request)?;
    let (context, stopping) = (context.clone(), context.stopping.clone());
    let pages = file::pages(None, stopping, move |after| {
        let (context, filter) = (context.clone(), filter.clone());
        async move {
            let now = context.now();
            let store = &context.store;
            store
                .export_sessions(tenant, filter, after, PAGE, now)
                .await
        }
    });
    let header = stream::iter([Ok(format.header())]);
    let lines = header.chain(pages.map_ok(move |page| format.lines(page)));
    let chunks = file::chunks(lines);
    let messages = chunks.map_ok(|chunk| pb::ExportSessionsResponse { chunk });
    Ok(messages.boxed())
}
