//! How well a user practised.

use tonic::Status;

use crate::{
    domain::{
        insights::{
            advice::advise,
            cohort::MIN_USERS,
            compare,
            figures::PeriodTally,
            recent,
            trend::{change_percentage, overall_trend},
        },
        session::{SessionFilter, SessionState},
    },
    grpc::{
        Context,
        caller::Access,
        convert::{self, By},
    },
    pb::v1 as pb,
};

pub async fn session_stats(
    context: &Context,
    access: Access,
    request: &pb::GetSessionStatsRequest,
) -> Result<pb::GetSessionStatsResponse, Status> {
    let now = context.now();
    let (user, window) = convert::stats_window(request, now)?;
    let tenant = access.about(user)?;
    let counts = context.store.count_outcomes(tenant, user, window, now);
    Ok(convert::session_stats(counts.await?.stats()))
}

pub async fn warmup(
    context: &Context,
    access: Access,
    request: &pb::GetWarmupRequest,
) -> Result<pb::GetWarmupResponse, Status> {
    let now = context.now();
    let (user, window) = convert::warmup_window(request, now)?;
    let tenant = access.about(user)?;
    let ended = SessionFilter {
        user_id: Some(user),
        states: vec![SessionState::Ended],
        ..SessionFilter::default()
    };
    let store = &context.store;
    let sessions = store.list_outcomes(tenant, user, window, now).await?;
    let last = store.list_sessions(tenant, ended, None, 1, now).await?;
    let last = last.items.into_iter().next();
    Ok(convert::warmup(recent::warmup(&sessions), last))
}

pub async fn overview(
    context: &Context,
    access: Access,
    request: pb::GetPerformanceOverviewRequest,
) -> Result<pb::GetPerformanceOverviewResponse, Status> {
    let query = convert::overview_query(request)?;
    let tenant = access.about(query.user)?;
    let found = context.store.get_performance(tenant, query, context.now());
    let found = found.await?;
    let Some(period) = found.periods.last() else {
        return Ok(pb::GetPerformanceOverviewResponse::default());
    };
    let metrics = found.metrics();
    Ok(convert::overview(period.range, &metrics, advise(&metrics)))
}

pub async fn trend(
    context: &Context,
    access: Access,
    request: pb::GetPerformanceTrendRequest,
) -> Result<pb::GetPerformanceTrendResponse, Status> {
    let (metric, query) = convert::trend_query(request)?;
    let tenant = access.about(query.user)?;
    let granularity = query.granularity;
    let found = context.store.get_performance(tenant, query, context.now());
    let found = found.await?;
    let figures = |period: &_| PeriodTally::figures(period, found.today);
    let with_sample = found
        .periods
        .iter()
        .filter(|period| figures(period).has(metric));
    let points = with_sample.clone().map(|period| pb::TrendPoint {
        period: granularity.label(period.range),
        value: figures(period).value(metric),
        sample_size: figures(period).sample_size(metric),
    });
    let points: Vec<_> = points.collect();
    let series: Vec<_> = with_sample.map(figures).collect();
    let values: Vec<_> = points.iter().map(|point| point.value).collect();
    Ok(pb::GetPerformanceTrendResponse {
        points,
        overall_trend: convert::trend(overall_trend(metric, &series)).into(),
        change_percentage: change_percentage(&values),
    })
}

pub async fn comparison(
    context: &Context,
    access: Access,
    request: &pb::ComparePerformanceRequest,
) -> Result<pb::ComparePerformanceResponse, Status> {
    let (by, query) = convert::comparison_query(request)?;
    let tenant = access.about(query.user)?;
    let (store, now) = (&context.store, context.now());
    let granularity = query.granularity;
    let entries = match by {
        By::Subject => {
            let subjects =
                store.list_subject_tallies(tenant, query.user, granularity, query.date, now);
            compare::by_subject(subjects.await?)
        }
        By::Period => {
            let found = store.get_performance(tenant, query, now).await?;
            let periods = found.periods.into_iter();
            let periods: Vec<_> = periods.map(|one| (one.range, one.tally)).collect();
            compare::by_period(granularity, &periods)
        }
        By::Cohort => {
            let found = store.get_performance(tenant, query, now).await?;
            let cohort = found.cohort.unwrap_or_default();
            // The mean of a few tells a user what each of the others did.
            if !access.reaches_everyone() && cohort.users < MIN_USERS {
                Vec::new()
            } else {
                compare::by_cohort(&cohort)
            }
        }
    };
    Ok(convert::comparison(entries))
}
