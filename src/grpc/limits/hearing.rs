//! A call that is refused is heard out first.

use std::{pin::pin, time::Duration};

use http_body::Body;
use http_body_util::BodyExt;
use prost::bytes::Buf;
use tokio::time::timeout;

/// Bytes that are read of it, and for how long they are waited for: beyond that it is no call as
/// others.
pub const MOST: usize = 64 << 10;
pub const WITHIN: Duration = Duration::from_millis(500);

/// Reads what belongs to a call that is refused. To h2 what comes after the answer may be an error
/// of the stream, and it ends a connection that has made many: so it would one that is only told to
/// come later, or a gateway's with the calls of many, some of whom are not let in.
pub async fn hear_out(body: impl Body) {
    // It is refused in any case.
    let _ = timeout(WITHIN, read(body)).await;
}

async fn read(body: impl Body) {
    let mut body = pin!(body);
    let mut rest = MOST;
    while rest > 0
        && let Some(Ok(frame)) = body.frame().await
    {
        let size = frame.data_ref().map_or(0, Buf::remaining);
        rest = rest.saturating_sub(size);
    }
}

#[cfg(test)]
mod tests;
