//! Ends goals whose target date is over, and has recurring ones begin again.

use futures::{StreamExt, TryStreamExt, stream};

use super::{Jobs, PIECE, each_tenant};
use crate::{
    domain::{commands::ExpireGoal, ids::TenantId, rejection::Rejection},
    store::Error,
};

/// Ends every goal whose last day is over in its tenant's time zone, and returns how many it
/// was. One that was deleted or ended meanwhile is passed over.
pub async fn expire(jobs: &Jobs) -> Result<usize, Error> {
    let now = jobs.clock.now();
    let store = &jobs.store;
    each_tenant(
        |after| store.list_tenants_with_goals_to_expire(now, after, PIECE),
        |tenant| expire_tenant(jobs, tenant),
    )
    .await
}

async fn expire_tenant(jobs: &Jobs, tenant: TenantId) -> Result<usize, Error> {
    let writer = jobs.writer.patient();
    let mut expired = 0;
    loop {
        let now = jobs.clock.now();
        let due = jobs.store.list_goals_to_expire(tenant, now, PIECE).await?;
        let last = due.len() < PIECE;
        let ends = due.into_iter().map(|(goal_id, user_id)| {
            let writer = writer.clone();
            async move {
                match writer.submit(tenant, ExpireGoal { user_id, goal_id }).await {
                    Err(Error::Rejected(Rejection::NotFound(_))) => Ok(None),
                    outcome => outcome.map(Some),
                }
            }
        });
        let over: Vec<Option<bool>> = stream::iter(ends)
            .buffer_unordered(PIECE)
            .try_collect()
            .await?;
        expired += over.iter().filter(|over| **over == Some(true)).count();
        // Those of users who are being deleted stay as they are until that is done.
        if last || over.iter().all(Option::is_none) {
            return Ok(expired);
        }
    }
}
