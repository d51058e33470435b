//! The sweep: ends sessions that went silent or outlived their lifetime.

use super::{Jobs, PIECE, each_tenant, end_all};
use crate::{
    domain::{commands::ExpireSession, ids::TenantId},
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
    let writer = &jobs.writer.patient();
    let list = || {
        let now = jobs.clock.now();
        jobs.store.list_sessions_to_sweep(tenant, now, PIECE)
    };
    end_all(list, |(session_id, user_id)| async move {
        let command = ExpireSession {
            user_id,
            session_id,
        };
        writer.submit(tenant, command).await
    })
    .await
}
