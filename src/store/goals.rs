//! Reading goals and their progress.

use async_trait::async_trait;
use chrono::NaiveDate;

use super::{Error, Page};
use crate::domain::{
    goal::{GoalFilter, GoalView, progress::ProgressView},
    ids::{GoalId, TenantId, UserId},
    time::Timestamp,
};

/// A goal's place in a list.
pub type GoalKey = (NaiveDate, GoalId);

/// What is read of goals: a part of [`Store`](super::Store), and as it says. A goal whose target
/// date is over at `now` is seen as expired, whether or not the job has been there.
#[async_trait]
pub trait GoalStore: Send + Sync {
    async fn get_goal(
        &self,
        tenant: TenantId,
        id: GoalId,
        now: Timestamp,
    ) -> Result<Option<GoalView>, Error>;

    /// Earliest target date first, equal ones by id; `after` itself is not repeated.
    async fn list_goals(
        &self,
        tenant: TenantId,
        filter: GoalFilter,
        after: Option<GoalKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<GoalView, GoalKey>, Error>;

    /// Days on which the goal moved, oldest first; `after` itself is not repeated. `None` if the
    /// goal is not there.
    async fn list_goal_progress(
        &self,
        tenant: TenantId,
        goal: GoalId,
        after: Option<NaiveDate>,
        limit: usize,
    ) -> Result<Option<Page<ProgressView, NaiveDate>>, Error>;

    /// For the job: tenants after `after` that may have goals to expire by `now`, by id.
    async fn list_tenants_with_goals_to_expire(
        &self,
        now: Timestamp,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error>;

    /// ACTIVE goals whose target date is over at `now`, the earliest first.
    async fn list_goals_to_expire(
        &self,
        tenant: TenantId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(GoalId, UserId)>, Error>;
}
