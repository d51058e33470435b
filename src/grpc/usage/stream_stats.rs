//! `StreamUsageStats`: pages read one after the other, some of them ahead of the reader. A page is
//! read when there is room for it, so a slow reader holds no connection, and a few pages are all
//! that is in memory.

use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::{
    domain::{
        ids::{TenantId, UserId},
        period::DateRange,
        usage::DailyUsage,
    },
    grpc::{
        Context,
        convert::{self, Check},
        status,
        token::ListTokens,
        usage::{day_key, place},
    },
    pb::v1 as pb,
    store::DayKey,
};

/// Rows of a page: with more of them the database waits less for the next question, and a reader
/// that takes none holds more, some 0.5 KiB each.
const PAGE: usize = 1_000;
/// Pages that wait for the reader, or are being read, while another one is sent.
const AHEAD: usize = 2;

/// What is still to be read.
struct Rest {
    context: Context,
    tenant: TenantId,
    range: DateRange,
    users: Vec<UserId>,
    after: Option<DayKey>,
    done: bool,
}

pub fn rows(
    context: &Context,
    tenant: TenantId,
    request: &pb::StreamUsageStatsRequest,
) -> Result<BoxStream<'static, Result<pb::StreamUsageStatsResponse, Status>>, Status> {
    let mut check = Check::default();
    let (range, users) = convert::stream_filter(&mut check, request);
    let filter = (range.start, range.end, &users);
    let tokens = context.tokens.of_list(tenant, "StreamUsageStats", &filter);
    let after = tokens.open(&mut check, "resume_token", &request.resume_token);
    let after = check.done(after)?.map(day_key).transpose()?;
    let rest = Rest {
        context: context.clone(),
        tenant,
        range,
        users,
        after,
        done: false,
    };
    let (pages, sent) = mpsc::channel(AHEAD);
    // Ends by itself: when there is no more, or when the caller goes away.
    tokio::spawn(read_ahead(rest, pages));
    let stopping = context.stopping.clone();
    let rows = ReceiverStream::new(sent)
        // A stream ends between two pages when the service does.
        .map(move |page| {
            if stopping.is_cancelled() {
                return Err(status::stopping());
            }
            page
        })
        .map_ok(|page: Vec<DailyUsage>| stream::iter(page.into_iter().map(Ok)))
        .try_flatten()
        .map_ok(move |day| streamed(&tokens, day));
    Ok(rows.boxed())
}

/// Reads pages as there is room for them, until the last one or until nobody wants them.
async fn read_ahead(mut rest: Rest, pages: mpsc::Sender<Result<Vec<DailyUsage>, Status>>) {
    while !rest.done {
        let Ok(room) = pages.reserve().await else {
            return;
        };
        let page = rest.next_page().await;
        rest.done |= page.is_err();
        room.send(page);
    }
}

impl Rest {
    async fn next_page(&mut self) -> Result<Vec<DailyUsage>, Status> {
        let users = self.users.clone();
        let page = self
            .context
            .store
            .list_days(self.tenant, self.range, users, self.after, PAGE)
            .await?;
        self.after = page.next;
        self.done = page.next.is_none();
        Ok(page.items)
    }
}

fn streamed(tokens: &ListTokens, day: DailyUsage) -> pb::StreamUsageStatsResponse {
    pb::StreamUsageStatsResponse {
        resume_token: tokens.seal(place((day.date, day.user_id))),
        usage: Some(convert::daily_usage(day)),
    }
}
