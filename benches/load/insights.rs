//! What a user's sessions add up to: each question of `InsightsService`.

use chrono::{Datelike, Days, NaiveDate};
use dwell::pb::v1::{
    ComparePerformanceRequest, DateRange, GetCalendarRequest, GetPerformanceOverviewRequest,
    GetPerformanceTrendRequest, GetPracticeFrequencyRequest, GetSessionStatsRequest,
    GetStreakRequest, GetUserStatisticsRequest, GetWarmupRequest, Granularity,
    ListTopSubjectsRequest, Metric, compare_performance_request::By,
    get_session_stats_request::Period, insights_service_client::InsightsServiceClient,
};
use tonic::transport::Channel;
use uuid::Uuid;

use crate::{Result, calls::with_tenant, practice::OF_USER};

#[derive(Clone, Debug)]
pub enum Insight {
    Stats(GetSessionStatsRequest),
    Warmup(GetWarmupRequest),
    Statistics(GetUserStatisticsRequest),
    Streak(GetStreakRequest),
    Calendar(GetCalendarRequest),
    Frequency(GetPracticeFrequencyRequest),
    TopSubjects(ListTopSubjectsRequest),
    Overview(GetPerformanceOverviewRequest),
    Trend(GetPerformanceTrendRequest),
    Comparison(ComparePerformanceRequest),
}

/// A question, by the name of its row.
type Named = (&'static str, Insight);

/// Every question about the user. Reports of a month are of the last whole one, and those of a week
/// of its last.
pub fn all(user: Uuid, today: NaiveDate) -> Vec<Named> {
    let user_id = user.to_string();
    let month = (today - Days::new(today.day().into())).to_string();
    let mut all = practice(&user_id, today);
    all.extend(performance(&user_id, &month));
    all
}

fn practice(user_id: &str, today: NaiveDate) -> Vec<Named> {
    vec![
        ("GetSessionStats of a week", stats(user_id, Period::Week)),
        ("GetSessionStats of a month", stats(user_id, Period::Month)),
        (
            "GetSessionStats of a year",
            Insight::Stats(GetSessionStatsRequest {
                user_id: user_id.to_owned(),
                range: Some(last_days(today, 365)),
                ..GetSessionStatsRequest::default()
            }),
        ),
        (
            "GetWarmup",
            Insight::Warmup(GetWarmupRequest {
                user_id: user_id.to_owned(),
            }),
        ),
        (
            "GetUserStatistics",
            Insight::Statistics(GetUserStatisticsRequest {
                user_id: user_id.to_owned(),
                ..GetUserStatisticsRequest::default()
            }),
        ),
        (
            "GetStreak",
            Insight::Streak(GetStreakRequest {
                user_id: user_id.to_owned(),
            }),
        ),
        ("GetCalendar of a month", calendar(user_id, today, 30)),
        ("GetCalendar of a year", calendar(user_id, today, 365)),
        (
            "GetPracticeFrequency of 30 days",
            Insight::Frequency(GetPracticeFrequencyRequest {
                user_id: user_id.to_owned(),
                days: 30,
            }),
        ),
        (
            "ListTopSubjects",
            Insight::TopSubjects(ListTopSubjectsRequest {
                user_id: user_id.to_owned(),
                ..ListTopSubjectsRequest::default()
            }),
        ),
    ]
}

fn performance(user_id: &str, month: &str) -> Vec<Named> {
    vec![
        (
            "GetPerformanceOverview of a month",
            overview(user_id, Granularity::Month, month),
        ),
        (
            "GetPerformanceOverview of a week",
            overview(user_id, Granularity::Week, month),
        ),
        (
            "GetPerformanceTrend of months",
            Insight::Trend(GetPerformanceTrendRequest {
                user_id: user_id.to_owned(),
                metric: Metric::TestAverage.into(),
                granularity: Granularity::Month.into(),
                ..GetPerformanceTrendRequest::default()
            }),
        ),
        (
            "ComparePerformance by subject",
            comparison(user_id, By::Subject, month),
        ),
        (
            "ComparePerformance by period",
            comparison(user_id, By::Period, month),
        ),
        (
            "ComparePerformance by cohort",
            comparison(user_id, By::Cohort, month),
        ),
    ]
}

fn stats(user_id: &str, period: Period) -> Insight {
    Insight::Stats(GetSessionStatsRequest {
        user_id: user_id.to_owned(),
        period: period.into(),
        range: None,
    })
}

fn calendar(user_id: &str, today: NaiveDate, days: u64) -> Insight {
    Insight::Calendar(GetCalendarRequest {
        user_id: user_id.to_owned(),
        range: Some(last_days(today, days)),
        include_sessions: false,
    })
}

/// So many days up to today.
fn last_days(today: NaiveDate, days: u64) -> DateRange {
    DateRange {
        start_date: (today - Days::new(days - 1)).to_string(),
        end_date: today.to_string(),
    }
}

fn overview(user_id: &str, granularity: Granularity, date: &str) -> Insight {
    Insight::Overview(GetPerformanceOverviewRequest {
        user_id: user_id.to_owned(),
        granularity: granularity.into(),
        date: date.to_owned(),
        ..GetPerformanceOverviewRequest::default()
    })
}

fn comparison(user_id: &str, by: By, date: &str) -> Insight {
    Insight::Comparison(ComparePerformanceRequest {
        user_id: user_id.to_owned(),
        by: by.into(),
        granularity: Granularity::Month.into(),
        date: date.to_owned(),
    })
}

impl Insight {
    /// Whether the answer holds what was recorded: all of the user's sessions where it counts all.
    pub async fn call(
        &self,
        client: &mut InsightsServiceClient<Channel>,
        tenant: Uuid,
    ) -> Result<bool> {
        /// The answer to a request that is asked again and again.
        macro_rules! answer {
            ($method:ident, $request:expr) => {
                client
                    .$method(with_tenant($request.clone(), tenant))
                    .await?
                    .into_inner()
            };
        }
        Ok(match self {
            Self::Stats(request) => answer!(get_session_stats, request).total_sessions > 0,
            Self::Warmup(request) => !answer!(get_warmup, request).focus_areas.is_empty(),
            Self::Statistics(request) => {
                let answer = answer!(get_user_statistics, request);
                let uncompleted = answer.partial_sessions + answer.abandoned_sessions;
                answer.total_sessions + uncompleted == i64::from(OF_USER)
            }
            Self::Streak(request) => answer!(get_streak, request).longest_days > 0,
            Self::Calendar(request) => !answer!(get_calendar, request).days.is_empty(),
            Self::Frequency(request) => !answer!(get_practice_frequency, request).days.is_empty(),
            Self::TopSubjects(request) => !answer!(list_top_subjects, request).subjects.is_empty(),
            Self::Overview(request) => !answer!(get_performance_overview, request)
                .metrics
                .is_empty(),
            Self::Trend(request) => !answer!(get_performance_trend, request).points.is_empty(),
            Self::Comparison(request) => !answer!(compare_performance, request).entries.is_empty(),
        })
    }
}
