//! What reports are made of, as of one instant, and sessions for files.

use std::sync::Arc;

use async_trait::async_trait;

use super::{
    SqlStore, cohorts::Cohorts, dialect::Dialect, fault::Fault, goals, insights, listing,
    performance, practice, read::open_sessions, tenants,
};
use crate::{
    domain::{
        calendar::Calendar,
        goal::Goal,
        ids::{TenantId, UserId},
        insights::report::ReportBasis,
        period::DateRange,
        session::{SessionFilter, SessionView},
        time::Timestamp,
    },
    store::{
        Error, Page, SessionKey,
        report::{MAX_GOALS, ReportGoals, ReportParts, ReportQuery, ReportStore},
    },
};

#[async_trait]
impl<DB: Dialect> ReportStore for SqlStore<DB> {
    async fn get_report(
        &self,
        tenant: TenantId,
        query: ReportQuery,
        now: Timestamp,
    ) -> Result<ReportParts, Error> {
        let query = Arc::new(query);
        let cohorts = self.cohorts.clone();
        self.bulk(tenant, move |mut tx| {
            let (query, cohorts) = (query.clone(), cohorts.clone());
            async move { parts::<DB>(&mut tx, &cohorts, tenant, &query, now).await }
        })
        .await
    }

    async fn export_sessions(
        &self,
        tenant: TenantId,
        filter: SessionFilter,
        after: Option<SessionKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<SessionView, SessionKey>, Error> {
        let filter = Arc::new(filter);
        self.bulk(tenant, move |mut tx| {
            let filter = filter.clone();
            async move { listing::page::<DB>(&mut tx, tenant, &filter, after, limit, now).await }
        })
        .await
    }
}

async fn parts<DB: Dialect>(
    conn: &mut DB::Connection,
    cohorts: &Cohorts,
    tenant: TenantId,
    query: &ReportQuery,
    now: Timestamp,
) -> Result<ReportParts, Fault> {
    let settings = tenants::settings_of::<DB>(conn, tenant).await?;
    let asked = &query.performance;
    let user = asked.user;
    let today = settings.calendar.date_of(now);
    let range = asked.granularity.holding(asked.date.unwrap_or(today));
    let sessions =
        practice::started_on::<DB>(conn, tenant, user, range, query.sessions.into()).await?;
    let sessions = sessions.into_iter().map(|one| one.view(&settings, now));
    let subjects = match query.subjects {
        0 => Vec::new(),
        limit => practice::top_subjects::<DB>(conn, tenant, user, None, range, limit).await?,
    };
    let goals =
        report_goals::<DB>(conn, tenant, user, query.goals, range, &settings.calendar).await?;
    let goals = goals
        .into_iter()
        .map(|goal| goal.view(&settings.calendar, today));
    let of_tenant = (tenant, &settings);
    let performance =
        insights::read_performance::<DB>(conn, cohorts, of_tenant, asked, now).await?;
    Ok(ReportParts {
        sessions: sessions.collect(),
        subjects,
        goals: goals.collect(),
        basis: ReportBasis {
            range,
            history: practice::practice_days::<DB>(conn, tenant, user).await?,
            days: practice::calendar_days::<DB>(conn, tenant, user, range).await?,
            effort: performance::effort::<DB>(conn, tenant, user, range).await?,
            open: open_sessions::<DB>(conn, tenant, vec![user]).await?,
            performance,
            settings,
        },
    })
}

async fn report_goals<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    which: ReportGoals,
    range: DateRange,
    calendar: &Calendar,
) -> Result<Vec<Goal>, Fault> {
    let mut found = match which {
        ReportGoals::None => return Ok(Vec::new()),
        ReportGoals::OfDay => goals::of_days::<DB>(conn, tenant, user, range, MAX_GOALS).await?,
        ReportGoals::Achieved => {
            goals::completed::<DB>(conn, tenant, user, range, MAX_GOALS).await?
        }
    };
    found.retain(|goal| match which {
        ReportGoals::OfDay => goal.is_of(calendar, range.start),
        _ => goal
            .completed_on(calendar)
            .is_some_and(|date| range.contains(date)),
    });
    Ok(found)
}
