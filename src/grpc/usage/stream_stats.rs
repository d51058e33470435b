//! `StreamUsageStats`.

use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use tonic::Status;

use crate::{
    domain::{ids::TenantId, usage::DailyUsage},
    grpc::{
        Context,
        convert::{self, Check},
        file,
        token::ListTokens,
        usage::{day_key, place},
    },
    pb::v1 as pb,
};

/// Rows of a page: with more of them the database waits less for the next question, and a reader
/// that takes none holds more, some 0.5 KiB each.
const PAGE: usize = 1_000;

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
    let store = context.store.clone();
    let pages = file::pages(after, context.stopping.clone(), move |after| {
        let (store, users) = (store.clone(), users.clone());
        async move { store.list_days(tenant, range, users, after, PAGE).await }
    });
    let rows = pages
        .map_ok(|page: Vec<DailyUsage>| stream::iter(page.into_iter().map(Ok)))
        .try_flatten()
        .map_ok(move |day| streamed(&tokens, day));
    Ok(rows.boxed())
}

fn streamed(tokens: &ListTokens, day: DailyUsage) -> pb::StreamUsageStatsResponse {
    pb::StreamUsageStatsResponse {
        resume_token: tokens.seal(place((day.date, day.user_id))),
        usage: Some(convert::daily_usage(day)),
    }
}
