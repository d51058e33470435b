//! Any request of any RPC as one value, so that a table can hold them all.

use std::collections::BTreeSet;

use dwell::pb::v1 as pb;
use tokio_stream::once;
use tonic::{Code, Response, Status, Streaming};
use tonic_types::StatusExt;

use crate::harness::Caller;

/// How a request was refused: what a test compares.
#[derive(PartialEq, Eq, Debug)]
pub struct Refusal {
    code: Code,
    fields: BTreeSet<String>,
}

impl Refusal {
    pub fn invalid(fields: &[String]) -> Self {
        Self {
            code: Code::InvalidArgument,
            fields: fields.iter().cloned().collect(),
        }
    }

    /// What the message of an answer in a stream says; it has no details.
    fn in_stream(code: i32, message: &str) -> Self {
        let parts = message.split("; ");
        let field = |part: &str| part.split(' ').next().unwrap_or_default().to_owned();
        Self {
            code: Code::from(code),
            fields: parts.map(field).collect(),
        }
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        let details = status.get_details_bad_request();
        let violations = details.map_or_else(Vec::new, |details| details.field_violations);
        for violation in &violations {
            let told = format!("{} {}", violation.field, violation.description);
            assert!(status.message().contains(&told), "{status:?}");
        }
        let fields = violations.into_iter().map(|violation| violation.field);
        Self {
            code: status.code(),
            fields: fields.collect(),
        }
    }
}

macro_rules! calls {
    ($($name:ident($request:ident) => $service:ident.$method:ident,)*) => {
        /// A request of any RPC that answers once.
        #[derive(Clone, Debug)]
        pub enum Call {
            $($name(pb::$request),)*
            StreamHeartbeats(pb::StreamHeartbeatsRequest),
            ImportUsage(pb::ImportUsageRequest),
            StreamUsageStats(pb::StreamUsageStatsRequest),
            WatchSessions(pb::WatchSessionsRequest),
            ExportSessions(pb::ExportSessionsRequest),
            ExportUserData(pb::ExportUserDataRequest),
        }

        $(
            impl From<pb::$request> for Call {
                fn from(request: pb::$request) -> Self {
                    Self::$name(request)
                }
            }
        )*

        impl Call {
            pub async fn send(self, caller: &mut Caller) -> Result<(), Refusal> {
                match self {
                    $(Self::$name(request) => {
                        caller.$service.$method(request).await?;
                    })*
                    Self::StreamHeartbeats(request) => {
                        let answers = caller.sessions.stream_heartbeats(once(request)).await?;
                        let answer = only(answers).await?;
                        return answered(answer.code, &answer.message);
                    }
                    Self::ImportUsage(request) => {
                        let answers = caller.usage.import_usage(once(request)).await?;
                        let answer = only(answers).await?;
                        return answered(answer.code, &answer.message);
                    }
                    Self::StreamUsageStats(request) => {
                        let days = caller.usage.stream_usage_stats(request).await?;
                        let mut days = days.into_inner();
                        while days.message().await?.is_some() {}
                    }
                    Self::WatchSessions(request) => {
                        let events = caller.sessions.watch_sessions(request).await?;
                        events.into_inner().message().await?;
                    }
                    Self::ExportSessions(request) => {
                        let chunks = caller.reports.export_sessions(request).await?;
                        let mut chunks = chunks.into_inner();
                        while chunks.message().await?.is_some() {}
                    }
                    Self::ExportUserData(request) => {
                        let chunks = caller.settings.export_user_data(request).await?;
                        let mut chunks = chunks.into_inner();
                        while chunks.message().await?.is_some() {}
                    }
                }
                Ok(())
            }

            /// The message whose fields a refusal names, by its path.
            pub fn path(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($request),)*
                    Self::StreamHeartbeats(_) => "StreamHeartbeatsRequest",
                    Self::ImportUsage(_) => "ImportUsageRequest.record",
                    Self::StreamUsageStats(_) => "StreamUsageStatsRequest",
                    Self::WatchSessions(_) => "WatchSessionsRequest",
                    Self::ExportSessions(_) => "ExportSessionsRequest",
                    Self::ExportUserData(_) => "ExportUserDataRequest",
                }
            }
        }
    };
}

calls! {
    StartSession(StartSessionRequest) => sessions.start_session,
    EndSession(EndSessionRequest) => sessions.end_session,
    RecordSession(RecordSessionRequest) => sessions.record_session,
    Heartbeat(HeartbeatRequest) => sessions.heartbeat,
    PauseSession(PauseSessionRequest) => sessions.pause_session,
    ResumeSession(ResumeSessionRequest) => sessions.resume_session,
    GetSession(GetSessionRequest) => sessions.get_session,
    ListSessions(ListSessionsRequest) => sessions.list_sessions,
    RevokeSessions(RevokeSessionsRequest) => sessions.revoke_sessions,
    LogActivity(LogActivityRequest) => sessions.log_activity,
    ListActivities(ListActivitiesRequest) => sessions.list_activities,
    RecordUsage(RecordUsageRequest) => usage.record_usage,
    GetUserUsageStats(GetUserUsageStatsRequest) => usage.get_user_usage_stats,
    GetTenantUsageReport(GetTenantUsageReportRequest) => usage.get_tenant_usage_report,
    GetUserSummary(GetUserSummaryRequest) => usage.get_user_summary,
    ListUserSummaries(ListUserSummariesRequest) => usage.list_user_summaries,
    GetSessionStats(GetSessionStatsRequest) => insights.get_session_stats,
    GetWarmup(GetWarmupRequest) => insights.get_warmup,
    GetPerformanceOverview(GetPerformanceOverviewRequest) => insights.get_performance_overview,
    GetPerformanceTrend(GetPerformanceTrendRequest) => insights.get_performance_trend,
    ComparePerformance(ComparePerformanceRequest) => insights.compare_performance,
    GetUserStatistics(GetUserStatisticsRequest) => insights.get_user_statistics,
    GetStreak(GetStreakRequest) => insights.get_streak,
    GetCalendar(GetCalendarRequest) => insights.get_calendar,
    GetPracticeFrequency(GetPracticeFrequencyRequest) => insights.get_practice_frequency,
    ListTopSubjects(ListTopSubjectsRequest) => insights.list_top_subjects,
    GetDailyReport(GetDailyReportRequest) => reports.get_daily_report,
    GetWeeklyReport(GetWeeklyReportRequest) => reports.get_weekly_report,
    GetMonthlyReport(GetMonthlyReportRequest) => reports.get_monthly_report,
    CreateGoal(CreateGoalRequest) => goals.create_goal,
    GetGoal(GetGoalRequest) => goals.get_goal,
    ListGoals(ListGoalsRequest) => goals.list_goals,
    UpdateGoal(UpdateGoalRequest) => goals.update_goal,
    DeleteGoal(DeleteGoalRequest) => goals.delete_goal,
    RecordGoalProgress(RecordGoalProgressRequest) => goals.record_goal_progress,
    ListGoalProgress(ListGoalProgressRequest) => goals.list_goal_progress,
    UpdateTenantSettings(UpdateTenantSettingsRequest) => settings.update_tenant_settings,
    DeleteUserData(DeleteUserDataRequest) => settings.delete_user_data,
    PurgeSessions(PurgeSessionsRequest) => settings.purge_sessions,
}

impl From<pb::StreamHeartbeatsRequest> for Call {
    fn from(request: pb::StreamHeartbeatsRequest) -> Self {
        Self::StreamHeartbeats(request)
    }
}

impl From<pb::ImportUsageRequest> for Call {
    fn from(request: pb::ImportUsageRequest) -> Self {
        Self::ImportUsage(request)
    }
}

impl From<pb::StreamUsageStatsRequest> for Call {
    fn from(request: pb::StreamUsageStatsRequest) -> Self {
        Self::StreamUsageStats(request)
    }
}

impl From<pb::WatchSessionsRequest> for Call {
    fn from(request: pb::WatchSessionsRequest) -> Self {
        Self::WatchSessions(request)
    }
}

impl From<pb::ExportSessionsRequest> for Call {
    fn from(request: pb::ExportSessionsRequest) -> Self {
        Self::ExportSessions(request)
    }
}

impl From<pb::ExportUserDataRequest> for Call {
    fn from(request: pb::ExportUserDataRequest) -> Self {
        Self::ExportUserData(request)
    }
}

impl Call {
    /// The same about another session, if it changes one.
    pub fn on_session(mut self, session: &str) -> Self {
        match &mut self {
            Self::EndSession(request) => session.clone_into(&mut request.session_id),
            Self::LogActivity(request) => session.clone_into(&mut request.session_id),
            _ => {}
        }
        self
    }
}

async fn only<T>(answers: Response<Streaming<T>>) -> Result<T, Status> {
    let mut answers = answers.into_inner();
    let answer = answers.message().await?;
    assert!(answers.message().await?.is_none());
    Ok(answer.expect("each message is answered"))
}

fn answered(code: i32, message: &str) -> Result<(), Refusal> {
    if code == 0 {
        return Ok(());
    }
    Err(Refusal::in_stream(code, message))
}
