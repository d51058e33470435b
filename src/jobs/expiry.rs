//! The sweep: ends sessions that went silent or outlived their lifetime.

use futures::{StreamExt, TryStreamExt, stream};

use super::{Jobs, PIECE, each_tenant};
use crate::{
    domain::{commands::ExpireSession, ids::TenantId, rejection::Rejection},
    store::Error,
};

/// Ends every session that is over by now and returns how many it was. A session that another
/// instance, or its own user, ended first is passed over.
pub async fn sweep(jobs: &Jobs) -> Result<usize, Error> {
    let now = jobs.clock.now();
    each_tenant(
        |after| jobs.store.list_tenants_to_sweep(now, after, PIECE),
        |tenant| sweep_tenant(jobs, tenant),
    )
    .await
}

async fn sweep_tenant(jobs: &Jobs, tenant: TenantId) -> Result<usize, Error> {
    let writer = jobs.writer.patient();
    let mut ended = 0;
    loop {
        let now = jobs.clock.now();
        let due = jobs
            .store
            .list_sessions_to_sweep(tenant, now, PIECE)
            .await?;
        let last = due.len() < PIECE;
        let ends = due.into_iter().map(|(session_id, user_id)| {
            let command = ExpireSession {
                user_id,
                session_id,
            };
            let writer = writer.clone();
            async move {
                match writer.submit(tenant, command).await {
                    Err(Error::Rejected(Rejection::NotFound(_))) => Ok(None),
                    outcome => outcome.map(Some),
                }
            }
        });
        let over: Vec<Option<bool>> = stream::iter(ends)
            .buffer_unordered(PIECE)
            .try_collect()
            .await?;
        ended += over.iter().filter(|over| **over == Some(true)).count();
        // Those of users who are being deleted stay as they are until that is done.
        if last || over.iter().all(Option::is_none) {
            return Ok(ended);
        }
    }
}
