//! Reading what a user's sessions said, and how well the user performs.

use async_trait::async_trait;
use chrono::NaiveDate;

use super::Error;
use crate::domain::{
    ids::{TenantId, UserId},
    insights::{
        performance::{Performance, PerformanceQuery, SubjectTally},
        recent::{Outcome, Window},
        stats::CountedDays,
    },
    period::Granularity,
    time::Timestamp,
};

/// What is read of a user's performance: a part of [`Store`](super::Store), and as it says. Each
/// answer is of one instant.
#[async_trait]
pub trait PerformanceStore: Send + Sync {
    /// The user's ended sessions that started in the window, in no order.
    async fn list_outcomes(
        &self,
        tenant: TenantId,
        user: UserId,
        window: Window,
        now: Timestamp,
    ) -> Result<Vec<Outcome>, Error>;

    /// The same, added up by day.
    async fn count_outcomes(
        &self,
        tenant: TenantId,
        user: UserId,
        window: Window,
        now: Timestamp,
    ) -> Result<CountedDays, Error>;

    /// What is kept of a user's periods, and of the tenant's active users in the last of them.
    async fn get_performance(
        &self,
        tenant: TenantId,
        query: PerformanceQuery,
        now: Timestamp,
    ) -> Result<Performance, Error>;

    /// The subjects of the user's sessions in the period that holds `date`, today if `None`,
    /// by the name that each had on its last day there, in no order.
    async fn list_subject_tallies(
        &self,
        tenant: TenantId,
        user: UserId,
        granularity: Granularity,
        date: Option<NaiveDate>,
        now: Timestamp,
    ) -> Result<Vec<SubjectTally>, Error>;
}
