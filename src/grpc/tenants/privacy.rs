//! What a tenant owes its users: their data, and to forget it.

use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use tonic::Status;

use crate::{
    domain::{
        ids::{TenantId, UserId},
        rejection::{Entity, Rejection},
    },
    grpc::{Context, convert, file},
    pb::v1 as pb,
    store::{
        Error,
        privacy::{delete_user, purge_sessions},
    },
};

/// Rows of a page of the export: some of them are long.
const PAGE: usize = 200;

/// All rows of a user, as lines of JSON.
pub async fn export(
    context: &Context,
    tenant: TenantId,
    user: UserId,
) -> Result<BoxStream<'static, Result<pb::ExportUserDataResponse, Status>>, Status> {
    let known = context.store.get_user(tenant, user, context.now()).await?;
    known.ok_or(Rejection::NotFound(Entity::User))?;
    let store = context.store.clone();
    let pages = file::pages(None, context.stopping.clone(), move |after| {
        let store = store.clone();
        async move { store.list_user_rows(tenant, user, after, PAGE).await }
    });
    let lines = pages
        .map_ok(|page| stream::iter(page.into_iter().map(|line: String| Ok(line.into_bytes()))))
        .try_flatten();
    let chunks = file::chunks(lines).map_ok(|chunk| pb::ExportUserDataResponse { chunk });
    Ok(chunks.boxed())
}

/// Deletes a user, or only counts. A deletion that has begun goes on to its end, whether or not
/// its caller still waits.
pub async fn delete(
    context: &Context,
    tenant: TenantId,
    request: &pb::DeleteUserDataRequest,
) -> Result<pb::DeleteUserDataResponse, Status> {
    let user = convert::user_id(&request.user_id)?;
    if request.dry_run {
        let counted = context.store.count_user_rows(tenant, user).await?;
        let counted = counted.ok_or(Rejection::NotFound(Entity::User))?;
        return Ok(convert::deletion(counted));
    }
    let writer = context.writer.clone();
    let deletion = tokio::spawn(async move { delete_user(&writer, tenant, user).await });
    // Only with the whole service does it end early.
    let receipt = deletion.await.unwrap_or(Err(Error::ShuttingDown))?;
    Ok(convert::deletion(receipt))
}

/// Deletes old sessions, or only counts them, until the caller goes away: what is gone by then
/// stays so.
pub async fn purge(
    context: &Context,
    tenant: TenantId,
    request: pb::PurgeSessionsRequest,
) -> Result<pb::PurgeSessionsResponse, Status> {
    let dry_run = request.dry_run;
    let before = convert::purge_before(request, context.now())?;
    let store = &context.store;
    let purged_count = if dry_run {
        store.count_sessions_ended_before(tenant, before).await?
    } else {
        let purged = purge_sessions(store, &context.writer, tenant, before).await?;
        i64::try_from(purged).unwrap_or(i64::MAX)
    };
    Ok(pb::PurgeSessionsResponse { purged_count })
}
