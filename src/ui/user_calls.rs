//! What the page of a user asks the services, all at once.

use chrono::NaiveDate;
use futures::try_join;
use tonic::Status;

use super::api::Api;
use crate::{domain::calendar::plus_days, pb::v1 as pb};

/// Days of scores, and of the hours of a week.
const RECENT: i32 = 90;
/// Weeks of study time.
const WEEKS: i32 = 26;
const SUBJECTS: i32 = 8;

/// The answer to one call.
macro_rules! told {
    ($api:expr, $client:ident.$method:ident, $request:expr) => {
        async {
            let answer = $api.$client().$method($api.ask($request)).await?;
            Ok::<_, Status>(answer.into_inner())
        }
    };
}

/// Who it is, and what it adds up to.
pub struct Person {
    pub summary: pb::UserSummary,
    pub streak: pb::GetStreakResponse,
    pub statistics: pb::GetUserStatisticsResponse,
    pub week: pb::ReportSummary,
    pub month: pb::ReportSummary,
}

impl Person {
    pub async fn of(api: &Api, user: &str) -> Result<Self, Status> {
        let user_id = || user.to_owned();
        let summary = pb::GetUserSummaryRequest { user_id: user_id() };
        let streak = pb::GetStreakRequest { user_id: user_id() };
        let statistics = pb::GetUserStatisticsRequest {
            user_id: user_id(),
            range: None,
        };
        let week = pb::GetWeeklyReportRequest {
            user_id: user_id(),
            week: String::new(),
        };
        let month = pb::GetMonthlyReportRequest {
            user_id: user_id(),
            month: String::new(),
        };
        let (summary, streak, statistics, week, month) = try_join!(
            told!(api, usage.get_user_summary, summary),
            told!(api, insights.get_streak, streak),
            told!(api, insights.get_user_statistics, statistics),
            told!(api, reports.get_weekly_report, week),
            told!(api, reports.get_monthly_report, month),
        )?;
        Ok(Self {
            summary: summary.summary.unwrap_or_default(),
            streak,
            statistics,
            week: week.summary.unwrap_or_default(),
            month: month.summary.unwrap_or_default(),
        })
    }
}

/// What was practised, when and how well.
pub struct Practice {
    pub calendar: pb::GetCalendarResponse,
    pub stats: pb::GetSessionStatsResponse,
    pub frequency: pb::GetPracticeFrequencyResponse,
    pub subjects: pb::ListTopSubjectsResponse,
    pub trend: pb::GetPerformanceTrendResponse,
}

impl Practice {
    pub async fn of(api: &Api, user: &str, today: NaiveDate) -> Result<Self, Status> {
        let user_id = || user.to_owned();
        let since = |days: i64| pb::DateRange {
            start_date: plus_days(today, 1 - days).to_string(),
            end_date: today.to_string(),
        };
        let calendar = pb::GetCalendarRequest {
            user_id: user_id(),
            range: Some(since(365)),
            include_sessions: false,
        };
        let stats = pb::GetSessionStatsRequest {
            user_id: user_id(),
            range: Some(since(RECENT.into())),
            ..Default::default()
        };
        let frequency = pb::GetPracticeFrequencyRequest {
            user_id: user_id(),
            days: RECENT,
        };
        let subjects = pb::ListTopSubjectsRequest {
            user_id: user_id(),
            limit: SUBJECTS,
            ..Default::default()
        };
        let trend = pb::GetPerformanceTrendRequest {
            user_id: user_id(),
            metric: pb::Metric::StudyTime.into(),
            granularity: pb::Granularity::Week.into(),
            periods: WEEKS,
            subject: None,
        };
        let (calendar, stats, frequency, subjects, trend) = try_join!(
            told!(api, insights.get_calendar, calendar),
            told!(api, insights.get_session_stats, stats),
            told!(api, insights.get_practice_frequency, frequency),
            told!(api, insights.list_top_subjects, subjects),
            told!(api, insights.get_performance_trend, trend),
        )?;
        Ok(Self {
            calendar,
            stats,
            frequency,
            subjects,
            trend,
        })
    }
}
