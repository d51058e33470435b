//! Points on their way to the service that keeps them.

use async_trait::async_trait;

use super::Error;
use crate::domain::{ids::TenantId, points::award::Award, time::Timestamp};

/// Whether points that are earned are put down to be delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outbox {
    /// Nobody delivers: rows would only pile up.
    Off,
    On,
}

/// An award that its claimer alone may send, until its lease ends.
#[derive(Clone, PartialEq, Debug)]
pub struct Claim {
    pub award: Award,
    /// Its place in its user's line.
    pub position: i64,
    /// This one included.
    pub attempts: u32,
    pub first_attempt_at: Timestamp,
    pub leased_until: Timestamp,
}

/// What was claimed of a tenant's awards.
#[derive(Clone, PartialEq, Debug)]
pub struct Claims {
    pub claims: Vec<Claim>,
    /// Whether there may be more to claim at once.
    pub more: bool,
}

/// What came of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Delivered,
    /// To be tried again then, and those of the user behind it not before.
    Failed {
        again_at: Timestamp,
    },
    /// Given up; the user's line goes on without it.
    SetAside,
}

/// The outbox of awards: a part of [`Store`](super::Store), and as it says, but that it writes
/// too. It does so beside the writer: its transactions touch no other table, they are short, and
/// none of the writer's waits for a row that they hold.
///
/// The awards of one user are claimed one at a time, in the order in which they were committed.
/// Any number of instances may claim at once: none gets what another one has, before the lease
/// ends by the clock of whoever asks.
#[async_trait]
pub trait PointsStore: Send + Sync {
    /// Tenants after `after` with awards to look at by `now`, by id.
    async fn list_tenants_with_points(
        &self,
        now: Timestamp,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error>;

    /// Awards that are due at `now`, at most `limit`, those that wait longest first.
    async fn claim_points(
        &self,
        tenant: TenantId,
        limit: usize,
        now: Timestamp,
        leased_until: Timestamp,
    ) -> Result<Claims, Error>;

    /// Writes down what came of claims. What was delivered is gone; the rest only matters as long
    /// as the lease was not somebody else's since.
    async fn settle_points(
        &self,
        tenant: TenantId,
        outcomes: Vec<(Claim, Outcome)>,
        now: Timestamp,
    ) -> Result<(), Error>;

    /// When the oldest award was earned that is neither delivered nor set aside.
    async fn oldest_points(&self, tenant: TenantId) -> Result<Option<Timestamp>, Error>;
}
