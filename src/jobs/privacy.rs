//! Forgets what the settings of tenants say, and finishes deletions of users.

use super::{Jobs, PIECE, RETENTION_INTERVAL, each_tenant};
use crate::{
    domain::{ids::TenantId, time::Timestamp},
    store::{
        Error,
        privacy::{clear_clients, delete_user, purge_sessions},
    },
};

/// Deletes the ended sessions, and clears the IP addresses and client info, that tenants keep no
/// longer; returns of how many sessions.
pub async fn forget_sessions(jobs: &Jobs) -> Result<usize, Error> {
    each_tenant(
        |after| jobs.store.list_tenants_with_retention(after, PIECE),
        |tenant| forget_sessions_of(jobs, tenant),
    )
    .await
}

async fn forget_sessions_of(jobs: &Jobs, tenant: TenantId) -> Result<usize, Error> {
    let (store, writer) = (&jobs.store, &jobs.writer);
    let now = jobs.clock.now();
    let settings = store.get_settings(tenant).await?;
    let mut done = 0;
    if let Some(kept) = settings.session_retention {
        done += purge_sessions(store, writer, tenant, now.before(kept)).await?;
    }
    if let Some(kept) = settings.client_retention {
        done += clear_clients(store, writer, tenant, now.before(kept)).await?;
    }
    Ok(done)
}

/// Finishes deletions of users that a crash interrupted, and returns how many it was. One that
/// began just now is left to whoever began it.
pub async fn finish_deletions(jobs: &Jobs) -> Result<usize, Error> {
    let before = jobs.clock.now().before(RETENTION_INTERVAL);
    let store = &jobs.store;
    each_tenant(
        |after| store.list_tenants_with_deletions(before, after, PIECE),
        |tenant| finish_deletions_of(jobs, tenant, before),
    )
    .await
}

async fn finish_deletions_of(
    jobs: &Jobs,
    tenant: TenantId,
    before: Timestamp,
) -> Result<usize, Error> {
    let users = jobs.store.list_deletions(tenant, before, PIECE).await?;
    for user in &users {
        delete_user(&jobs.writer, tenant, *user).await?;
    }
    Ok(users.len())
}
