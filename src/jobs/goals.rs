//! Ends goals whose target date is over, and has recurring ones begin again.

use super::{Jobs, PIECE, each_tenant, end_all};
use crate::{
    domain::{commands::ExpireGoal, ids::TenantId},
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
    let writer = &jobs.writer.patient();
    let list = || {
        let now = jobs.clock.now();
        jobs.store.list_goals_to_expire(tenant, now, PIECE)
    };
    end_all(list, |(goal_id, user_id)| async move {
        let command = ExpireGoal { user_id, goal_id };
        writer.submit(tenant, command).await
    })
    .await
}
