//! What insights are computed from, as of one instant.
//!
//! Sessions that are over by now but stored as open are added to what was counted when the
//! others ended, so that an answer is the same before the sweep and after it.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use chrono::NaiveDate;

use super::{
    SqlStore,
    cohorts::Cohorts,
    dialect::{Dialect, Query},
    fault::Fault,
    outcomes, performance,
    read::open_sessions,
    sessions::{self, AND_DUE, SELECT_SESSIONS},
    tenants,
};
use crate::{
    domain::{
        ids::{TenantId, UserId},
        insights::{
            cohort::Cohort,
            performance::{
                Performance, PerformanceQuery, Scope, SubjectTally, Tallies, add_ended_to_subjects,
            },
            recent::{Outcome, Window},
            stats::CountedDays,
            tally::Tally,
        },
        period::{DateRange, Granularity},
        session::Session,
        settings::TenantSettings,
        time::Timestamp,
    },
    store::{Error, performance::PerformanceStore},
};

#[async_trait]
impl<DB: Dialect> PerformanceStore for SqlStore<DB> {
    async fn list_outcomes(
        &self,
        tenant: TenantId,
        user: UserId,
        window: Window,
        now: Timestamp,
    ) -> Result<Vec<Outcome>, Error> {
        self.bulk(tenant, move |mut tx| async move {
            outcomes::list::<DB>(&mut tx, tenant, user, window, now).await
        })
        .await
    }

    async fn count_outcomes(
        &self,
        tenant: TenantId,
        user: UserId,
        window: Window,
        now: Timestamp,
    ) -> Result<CountedDays, Error> {
        self.bulk(tenant, move |mut tx| async move {
            outcomes::count::<DB>(&mut tx, tenant, user, window, now).await
        })
        .await
    }

    async fn get_performance(
        &self,
        tenant: TenantId,
        query: PerformanceQuery,
        now: Timestamp,
    ) -> Result<Performance, Error> {
        let query = Arc::new(query);
        let cohorts = self.cohorts.clone();
        self.bulk(tenant, move |mut tx| {
            let (query, cohorts) = (query.clone(), cohorts.clone());
            async move {
                let settings = tenants::settings_of::<DB>(&mut tx, tenant).await?;
                read_performance::<DB>(&mut tx, &cohorts, (tenant, &settings), &query, now).await
            }
        })
        .await
    }

    async fn list_subject_tallies(
        &self,
        tenant: TenantId,
        user: UserId,
        granularity: Granularity,
        date: Option<NaiveDate>,
        now: Timestamp,
    ) -> Result<Vec<SubjectTally>, Error> {
        self.bulk(tenant, move |mut tx| async move {
            subjects::<DB>(&mut tx, tenant, user, granularity, date, now).await
        })
        .await
    }
}

/// The periods that are asked for.
pub async fn read_performance<DB: Dialect>(
    conn: &mut DB::Connection,
    cohorts: &Cohorts,
    (tenant, settings): (TenantId, &TenantSettings),
    query: &PerformanceQuery,
    now: Timestamp,
) -> Result<Performance, Fault> {
    let today = settings.calendar.date_of(now);
    let ranges = query.ranges(today);
    let ended = match query.scope {
        Scope::Own(_) => ended_of_user::<DB>(conn, tenant, query.user, settings, now).await?,
        Scope::Cohort => ended_of_tenant::<DB>(conn, tenant, settings, now).await?,
    };
    let last = ranges.last().copied();
    // Whose sums are not all stored yet.
    let unswept: BTreeSet<_> = ended
        .iter()
        .filter(|session| last.is_some_and(|range| counts_in(session, range, settings, now)))
        .map(|session| session.user_id)
        .collect();
    let others = unswept.iter().filter(|user| **user != query.user);
    let mut keys: Vec<_> = ranges.iter().map(|range| (query.user, *range)).collect();
    keys.extend(others.filter_map(|user| last.map(|range| (*user, range))));
    let stored =
        performance::periods::<DB>(conn, tenant, query.granularity, &keys, query.subject()).await?;
    let mut tallies = Tallies::new(keys.iter().copied(), stored);
    tallies.add_ended(&ended, query.subject(), settings, now);
    let cohort = match (&query.scope, last) {
        (Scope::Cohort, Some(range)) => {
            let period = (query.granularity, range);
            let crowd = if unswept.is_empty() {
                cohorts.crowd::<DB>(conn, tenant, period, now).await?
            } else {
                None
            };
            let figures = |user| tallies.get(user, range).figures(today);
            let own = figures(query.user);
            Some(if let Some(crowd) = crowd {
                crowd.cohort(own)
            } else {
                let keys = keys.iter().filter(|(_, other)| *other == range);
                let users: Vec<_> = keys.map(|(user, _)| *user).collect();
                let mut cohort = Cohort {
                    own,
                    ..Cohort::default()
                };
                for user in &users {
                    cohort.add(&figures(*user));
                }
                performance::count_cohort::<DB>(conn, tenant, period, users, &mut cohort).await?;
                cohort
            })
        }
        _ => None,
    };
    let periods = ranges
        .into_iter()
        .map(|range| tallies.get(query.user, range));
    Ok(Performance {
        today,
        periods: periods.collect(),
        cohort,
    })
}

/// Whether an ended session adds to a day of the range.
fn counts_in(
    session: &Session,
    range: DateRange,
    settings: &TenantSettings,
    now: Timestamp,
) -> bool {
    let days = Tally::of_session(session, settings, now);
    days.iter().any(|(date, _)| range.contains(*date))
}

/// The subjects of the user's sessions in the period that holds `date`, or today.
async fn subjects<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    granularity: Granularity,
    date: Option<NaiveDate>,
    now: Timestamp,
) -> Result<Vec<SubjectTally>, Fault> {
    let settings = tenants::settings_of::<DB>(conn, tenant).await?;
    let today = settings.calendar.date_of(now);
    let range = granularity.holding(date.unwrap_or(today));
    let mut subjects = performance::subjects::<DB>(conn, tenant, user, range).await?;
    let ended = ended_of_user::<DB>(conn, tenant, user, &settings, now).await?;
    add_ended_to_subjects(&mut subjects, &ended, range, &settings, now);
    Ok(subjects)
}

/// The user's sessions that are stored as open and over by now, as they ended.
async fn ended_of_user<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    settings: &TenantSettings,
    now: Timestamp,
) -> Result<Vec<Session>, Fault> {
    let open = open_sessions::<DB>(conn, tenant, vec![user]).await?;
    Ok(ended(open, settings, now))
}

/// The tenant's: the sweep is due to look at each of them, so they are few.
async fn ended_of_tenant<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    settings: &TenantSettings,
    now: Timestamp,
) -> Result<Vec<Session>, Fault> {
    let query = Query::<DB>::new(&[SELECT_SESSIONS, AND_DUE].concat());
    let rows = query.bind(tenant.uuid()).bind(now).fetch(conn).await?;
    let open = rows.iter().map(sessions::session::<DB>);
    Ok(ended(open.collect::<Result<_, _>>()?, settings, now))
}

/// Those of the open sessions that are over by now, oldest start first, so that every engine adds
/// them in the same order.
pub fn ended(mut open: Vec<Session>, settings: &TenantSettings, now: Timestamp) -> Vec<Session> {
    open.sort_by_key(|session| (session.started_at, session.id));
    let views = open
        .into_iter()
        .map(|session| session.view(settings, now).session);
    views.filter(|session| !session.is_open()).collect()
}
