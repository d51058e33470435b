//! Reading goals.

use async_trait::async_trait;
use chrono::NaiveDate;

use super::{SqlStore, dialect::Dialect, goal_progress, goals, read::count, tenants};
use crate::{
    domain::{
        calendar::plus_days,
        goal::{
            GoalFilter, GoalView,
            progress::{ProgressView, with_milestones},
        },
        ids::{GoalId, TenantId, UserId},
        time::Timestamp,
    },
    store::{
        Error, Page,
        goals::{GoalKey, GoalStore},
    },
};

#[async_trait]
impl<DB: Dialect> GoalStore for SqlStore<DB> {
    async fn get_goal(
        &self,
        tenant: TenantId,
        id: GoalId,
        now: Timestamp,
    ) -> Result<Option<GoalView>, Error> {
        self.read(tenant, async move |mut tx| {
            let Some(goal) = goals::find::<DB>(&mut tx, tenant, id).await? else {
                return Ok(None);
            };
            let settings = tenants::settings_of::<DB>(&mut tx, tenant).await?;
            let today = settings.calendar.date_of(now);
            Ok(Some(goal.view(&settings.calendar, today)))
        })
        .await
    }

    async fn list_goals(
        &self,
        tenant: TenantId,
        filter: GoalFilter,
        after: Option<GoalKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<GoalView, GoalKey>, Error> {
        self.read(tenant, async move |mut tx| {
            let calendar = tenants::settings_of::<DB>(&mut tx, tenant).await?.calendar;
            let today = calendar.date_of(now);
            let more = count(limit).saturating_add(1);
            let found = goals::page::<DB>(&mut tx, tenant, &filter, after, more, today).await?;
            let views = found.into_iter().map(|goal| goal.view(&calendar, today));
            Ok(Page::cut(views.collect(), limit, |view| {
                (view.goal.dates.end, view.goal.id)
            }))
        })
        .await
    }

    async fn list_goal_progress(
        &self,
        tenant: TenantId,
        goal: GoalId,
        after: Option<NaiveDate>,
        limit: usize,
    ) -> Result<Option<Page<ProgressView, NaiveDate>>, Error> {
        self.read(tenant, async move |mut tx| {
            let Some(goal) = goals::find::<DB>(&mut tx, tenant, goal).await? else {
                return Ok(None);
            };
            let more = count(limit).saturating_add(1);
            let (days, best) =
                goal_progress::page::<DB>(&mut tx, tenant, goal.id, after, more).await?;
            let items = with_milestones(days, goal.details.target_value, best);
            Ok(Some(Page::cut(items, limit, |day| day.progress.date)))
        })
        .await
    }

    async fn list_tenants_with_goals_to_expire(
        &self,
        now: Timestamp,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error> {
        let sql = goals::SELECT_TENANTS_WITH_GOALS_TO_EXPIRE;
        // The latest that it is anywhere.
        let today = plus_days(now.utc_date(), 1);
        self.tenant_ids(sql, today, after, limit).await
    }

    async fn list_goals_to_expire(
        &self,
        tenant: TenantId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(GoalId, UserId)>, Error> {
        self.read(tenant, async move |mut tx| {
            let settings = tenants::settings_of::<DB>(&mut tx, tenant).await?;
            let today = settings.calendar.date_of(now);
            goals::to_expire::<DB>(&mut tx, tenant, today, count(limit)).await
        })
        .await
    }
}
