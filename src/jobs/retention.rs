//! Forgets what was remembered long enough.

use std::time::Duration;

use super::{Jobs, PIECE, each_tenant};
use crate::{
    domain::{
        commands::{ForgetEvents, ForgetRequests},
        ids::TenantId,
        time::Timestamp,
    },
    store::Error,
};

/// The contract promises a day; a retry just short of it may be slow.
const REMEMBERED: Duration = Duration::from_hours(25);

/// Forgets the requests of `RecordUsage` that are older than a day, and returns how many.
pub async fn forget_requests(jobs: &Jobs) -> Result<usize, Error> {
    let before = jobs.clock.now().before(REMEMBERED);
    let store = &jobs.store;
    each_tenant(
        |after| store.list_tenants_with_requests_before(before, after, PIECE),
        |tenant| forget_tenant(jobs, tenant, before),
    )
    .await
}

async fn forget_tenant(jobs: &Jobs, tenant: TenantId, before: Timestamp) -> Result<usize, Error> {
    let store = &jobs.store;
    let writer = jobs.writer.patient();
    let mut forgotten = 0;
    loop {
        let request_ids = store.list_requests_before(tenant, before, PIECE).await?;
        let found = request_ids.len();
        writer
            .submit(tenant, ForgetRequests { request_ids })
            .await?;
        forgotten += found;
        if found < PIECE {
            return Ok(forgotten);
        }
    }
}

/// Forgets what happened longer ago than `kept`, and returns how many events.
pub async fn forget_events(jobs: &Jobs, kept: Duration) -> Result<usize, Error> {
    let before = jobs.clock.now().before(kept);
    let store = &jobs.store;
    each_tenant(
        |after| store.list_tenants_with_events_before(before, after, PIECE),
        |tenant| forget_events_of(jobs, tenant, before),
    )
    .await
}

async fn forget_events_of(
    jobs: &Jobs,
    tenant: TenantId,
    before: Timestamp,
) -> Result<usize, Error> {
    let writer = jobs.writer.patient();
    let mut forgotten = 0;
    loop {
        let places = jobs.store.list_events_before(tenant, before, PIECE).await?;
        if places.is_empty() {
            return Ok(forgotten);
        }
        forgotten += places.len();
        writer.submit(tenant, ForgetEvents { places }).await?;
    }
}
