//! What whoever watches the service is told of its store.

use async_trait::async_trait;

use super::Error;

/// Numbers of rows, of all tenants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Totals {
    /// Sessions that are stored as open.
    pub open_sessions: i64,
    /// Awards that are neither delivered nor set aside.
    pub pending_points: i64,
}

/// The connections of one pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolUse {
    /// `write`, `read` or `replica`.
    pub name: &'static str,
    pub idle: u32,
    pub used: u32,
    /// How many there may be.
    pub limit: u32,
}

/// A part of [`Store`](super::Store) that is of no tenant: it tells numbers alone.
#[async_trait]
pub trait TotalsStore: Send + Sync {
    /// Counts rows. That takes the longer the more there are: some ms for 100,000 open sessions.
    async fn count_rows(&self) -> Result<Totals, Error>;

    /// What the pools are doing right now.
    fn pools(&self) -> Vec<PoolUse>;
}
