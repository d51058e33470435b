//! `StreamUsageStats`: pages read one after the other, each when the reader has taken the one
//! before. No connection is held in between, and no more than a page is in memory.

use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
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

const PAGE: usize = 1_000;

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
    let rows = stream::try_unfold(rest, next_page)
        .map_ok(|page| stream::iter(page.into_iter().map(Ok)))
        .try_flatten()
        .map_ok(move |day| streamed(&tokens, day));
    Ok(rows.boxed())
}

async fn next_page(mut rest: Rest) -> Result<Option<(Vec<DailyUsage>, Rest)>, Status> {
    if rest.done {
        return Ok(None);
    }
    if rest.context.stopping.is_cancelled() {
        return Err(status::stopping());
    }
    let users = rest.users.clone();
    let page = rest
        .context
        .store
        .list_days(rest.tenant, rest.range, users, rest.after, PAGE)
        .await?;
    rest.after = page.next;
    rest.done = page.next.is_none();
    Ok(Some((page.items, rest)))
}

fn streamed(tokens: &ListTokens, day: DailyUsage) -> pb::StreamUsageStatsResponse {
    pb::StreamUsageStatsResponse {
        resume_token: tokens.seal(place((day.date, day.user_id))),
        usage: Some(convert::daily_usage(day)),
    }
}
