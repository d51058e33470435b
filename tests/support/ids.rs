//! Ids that a test can foretell.

use std::sync::atomic::{AtomicU64, Ordering};

use dwell::domain::{
    ids::{IdSource, TenantId},
    time::Timestamp,
};
use uuid::Uuid;

/// UUIDs of the form of version 7: the time, and a counter where randomness would be.
#[derive(Debug, Default)]
pub struct CountedIds(AtomicU64);

impl IdSource for CountedIds {
    fn next(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
        let count = self.0.fetch_add(1, Ordering::SeqCst);
        let mut tail = [0; 10];
        tail[2..].copy_from_slice(&count.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
    }
}

/// A tenant as the interceptor would make it.
#[expect(
    clippy::disallowed_methods,
    reason = "tests stand in for the interceptor"
)]
pub const fn tenant(number: u128) -> TenantId {
    TenantId::from_verified(Uuid::from_u128(number))
}
