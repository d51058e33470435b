//! Requests that are right. `@name` is an id of whoever calls, `@fresh` one that is free.

pub type Call = (&'static str, &'static str);

/// What `@name` may stand for.
pub const NAMES: [&str; 13] = [
    "@user",
    "@quiet",
    "@deleted",
    "@active",
    "@paused",
    "@ended",
    "@recorded",
    "@activity",
    "@second",
    "@goal",
    "@abandoned",
    "@request",
    "@subject",
];

/// What everybody has, and how it came to be. It is asked again among the rest, so that one comes
/// with another's id and all that the other said with it.
pub const GIVEN: &[Call] = &[
    (
        "SessionService/StartSession",
        r#"{"user_id": "@user", "session_id": "@active", "location": "home", "subject": {"type": "course", "id": "@subject"}}"#,
    ),
    (
        "SessionService/StartSession",
        r#"{"user_id": "@user", "session_id": "@paused"}"#,
    ),
    (
        "SessionService/PauseSession",
        r#"{"session_id": "@paused"}"#,
    ),
    (
        "SessionService/StartSession",
        r#"{"user_id": "@user", "session_id": "@ended"}"#,
    ),
    (
        "SessionService/EndSession",
        r#"{"session_id": "@ended", "notes": "well done", "result": {"scores": {"fluency": 80}}}"#,
    ),
    (
        "SessionService/RecordSession",
        r#"{"user_id": "@user", "session_id": "@recorded", "start_time": "2026-03-02T08:00:00Z", "end_time": "2026-03-02T08:30:00Z", "completion_status": "COMPLETION_STATUS_COMPLETED", "subject": {"type": "course", "id": "@subject"}}"#,
    ),
    (
        "SessionService/LogActivity",
        r#"{"session_id": "@active", "activity_id": "@activity", "activity_type": "reading", "content_type": "text", "content_id": "@subject"}"#,
    ),
    (
        "SessionService/LogActivity",
        r#"{"session_id": "@active", "activity_id": "@second", "activity_type": "reading"}"#,
    ),
    (
        "GoalService/CreateGoal",
        r#"{"goal": {"id": "@goal", "user_id": "@user", "goal_type": "GOAL_TYPE_CUSTOM", "name": "a goal", "target_value": 100, "start_date": "2026-03-01", "target_date": "2026-12-31", "subject": {"type": "course", "id": "@subject"}}}"#,
    ),
    (
        "GoalService/RecordGoalProgress",
        r#"{"goal_id": "@goal", "value": 1, "date": "2026-03-01"}"#,
    ),
    (
        "GoalService/RecordGoalProgress",
        r#"{"goal_id": "@goal", "value": 2, "date": "2026-03-02"}"#,
    ),
    (
        "GoalService/CreateGoal",
        r#"{"goal": {"id": "@abandoned", "user_id": "@user", "goal_type": "GOAL_TYPE_CUSTOM", "name": "another", "target_value": 5, "start_date": "2026-03-01", "target_date": "2026-12-31", "subject": {"type": "course", "id": "@subject"}}}"#,
    ),
    (
        "GoalService/DeleteGoal",
        r#"{"goal_id": "@abandoned", "abandon": true}"#,
    ),
    (
        "UsageStatsService/RecordUsage",
        r#"{"user_id": "@user", "date": "2026-03-01", "increment": {"login_count": 3, "feature_usage": {"search": 2}}, "request_id": "@request"}"#,
    ),
    (
        "UsageStatsService/RecordUsage",
        r#"{"user_id": "@quiet", "date": "2026-03-02", "increment": {"login_count": 1}}"#,
    ),
    (
        "UsageStatsService/RecordUsage",
        r#"{"user_id": "@deleted", "date": "2026-03-02", "increment": {"login_count": 1}}"#,
    ),
];

/// What happens to one of them before all else.
pub const DELETION: Call = ("TenantService/DeleteUserData", r#"{"user_id": "@deleted"}"#);

/// Every RPC, those first that change nothing, so that what is not there is not there yet.
pub const CALLS: &[Call] = &[
    ("SessionService/GetSession", r#"{"session_id": "@active"}"#),
    (
        "SessionService/ListSessions",
        r#"{"user_id": "@user", "page_size": 1, "include_totals": true}"#,
    ),
    (
        "SessionService/ListSessions",
        r#"{"page_size": 1, "include_totals": true}"#,
    ),
    (
        "SessionService/ListSessions",
        r#"{"subject": {"type": "course", "id": "@subject"}, "page_size": 1}"#,
    ),
    (
        "SessionService/ListActivities",
        r#"{"session_id": "@active", "page_size": 1}"#,
    ),
    ("SessionService/WatchSessions", r#"{"user_id": "@user"}"#),
    (
        "SessionService/RevokeSessions",
        r#"{"user_id": "@user", "dry_run": true}"#,
    ),
    (
        "SessionService/RevokeSessions",
        r#"{"session_ids": ["@active"], "dry_run": true}"#,
    ),
    ("GoalService/GetGoal", r#"{"goal_id": "@goal"}"#),
    (
        "GoalService/ListGoals",
        r#"{"user_id": "@user", "page_size": 1}"#,
    ),
    (
        "GoalService/ListGoals",
        r#"{"user_id": "@user", "page_size": 1, "subject": {"type": "course", "id": "@subject"}}"#,
    ),
    (
        "GoalService/ListGoalProgress",
        r#"{"goal_id": "@goal", "page_size": 1}"#,
    ),
    (
        "UsageStatsService/GetUserUsageStats",
        r#"{"user_id": "@user", "start_date": "2026-03-01", "end_date": "2026-03-02", "include_open_sessions": true}"#,
    ),
    (
        "UsageStatsService/StreamUsageStats",
        r#"{"start_date": "2026-03-01", "end_date": "2026-03-02"}"#,
    ),
    (
        "UsageStatsService/StreamUsageStats",
        r#"{"start_date": "2026-03-01", "end_date": "2026-03-02", "user_ids": ["@user"]}"#,
    ),
    (
        "UsageStatsService/GetTenantUsageReport",
        r#"{"start_date": "2026-03-01", "end_date": "2026-03-02"}"#,
    ),
    (
        "UsageStatsService/GetUserSummary",
        r#"{"user_id": "@user"}"#,
    ),
    ("UsageStatsService/ListUserSummaries", r#"{"page_size": 1}"#),
    ("InsightsService/GetSessionStats", r#"{"user_id": "@user"}"#),
    ("InsightsService/GetWarmup", r#"{"user_id": "@user"}"#),
    (
        "InsightsService/GetUserStatistics",
        r#"{"user_id": "@user"}"#,
    ),
    ("InsightsService/GetStreak", r#"{"user_id": "@user"}"#),
    (
        "InsightsService/GetCalendar",
        r#"{"user_id": "@user", "range": {"start_date": "2026-03-01", "end_date": "2026-03-02"}, "include_sessions": true}"#,
    ),
    (
        "InsightsService/GetPracticeFrequency",
        r#"{"user_id": "@user"}"#,
    ),
    ("InsightsService/ListTopSubjects", r#"{"user_id": "@user"}"#),
    (
        "InsightsService/GetPerformanceOverview",
        r#"{"user_id": "@user"}"#,
    ),
    (
        "InsightsService/GetPerformanceOverview",
        r#"{"user_id": "@user", "subject": {"type": "course", "id": "@subject"}}"#,
    ),
    (
        "InsightsService/GetPerformanceTrend",
        r#"{"user_id": "@user", "metric": "METRIC_STUDY_TIME", "subject": {"type": "course", "id": "@subject"}}"#,
    ),
    (
        "InsightsService/ComparePerformance",
        r#"{"user_id": "@user", "by": "BY_SUBJECT"}"#,
    ),
    (
        "InsightsService/ComparePerformance",
        r#"{"user_id": "@user", "by": "BY_PERIOD"}"#,
    ),
    (
        "InsightsService/ComparePerformance",
        r#"{"user_id": "@user", "by": "BY_COHORT"}"#,
    ),
    ("ReportService/GetDailyReport", r#"{"user_id": "@user"}"#),
    ("ReportService/GetWeeklyReport", r#"{"user_id": "@user"}"#),
    ("ReportService/GetMonthlyReport", r#"{"user_id": "@user"}"#),
    (
        "ReportService/ExportSessions",
        r#"{"format": "FORMAT_CSV", "filter": {"user_id": "@user"}}"#,
    ),
    (
        "ReportService/ExportSessions",
        r#"{"format": "FORMAT_NDJSON", "filter": {"subject": {"type": "course", "id": "@subject"}}}"#,
    ),
    ("TenantService/GetTenantSettings", "{}"),
    ("TenantService/ExportUserData", r#"{"user_id": "@user"}"#),
    (
        "TenantService/DeleteUserData",
        r#"{"user_id": "@user", "dry_run": true}"#,
    ),
    (
        "TenantService/PurgeSessions",
        r#"{"before": "2026-03-02T09:00:30Z", "dry_run": true}"#,
    ),
    ("SessionService/Heartbeat", r#"{"session_id": "@active"}"#),
    (
        "SessionService/StreamHeartbeats",
        r#"{"session_id": "@active"}"#,
    ),
    (
        "SessionService/PauseSession",
        r#"{"session_id": "@active"}"#,
    ),
    (
        "SessionService/ResumeSession",
        r#"{"session_id": "@active"}"#,
    ),
    (
        "GoalService/UpdateGoal",
        r#"{"goal": {"id": "@goal", "name": "a better goal"}}"#,
    ),
    (
        "GoalService/RecordGoalProgress",
        r#"{"goal_id": "@goal", "value": 3}"#,
    ),
    (
        "SessionService/LogActivity",
        r#"{"session_id": "@active", "activity_id": "@fresh", "activity_type": "writing"}"#,
    ),
    (
        "UsageStatsService/RecordUsage",
        r#"{"user_id": "@user", "date": "2026-03-02", "increment": {"login_count": 7}, "request_id": "@fresh"}"#,
    ),
    (
        "UsageStatsService/ImportUsage",
        r#"{"record": {"user_id": "@user", "date": "2026-03-02", "increment": {"login_count": 9}, "request_id": "@fresh"}}"#,
    ),
    (
        "GoalService/CreateGoal",
        r#"{"goal": {"id": "@fresh", "user_id": "@user", "goal_type": "GOAL_TYPE_CUSTOM", "name": "a third", "target_value": 10, "target_date": "2026-11-30"}}"#,
    ),
    (
        "SessionService/StartSession",
        r#"{"user_id": "@user", "session_id": "@fresh", "location": "elsewhere"}"#,
    ),
    (
        "SessionService/RecordSession",
        r#"{"user_id": "@user", "session_id": "@fresh", "start_time": "2026-03-02T08:40:00Z", "end_time": "2026-03-02T08:50:00Z"}"#,
    ),
    (
        "SessionService/RevokeSessions",
        r#"{"session_ids": ["@paused"]}"#,
    ),
    (
        "SessionService/EndSession",
        r#"{"session_id": "@active", "notes": "over"}"#,
    ),
    (
        "SessionService/RevokeSessions",
        r#"{"user_id": "@user", "except_session_id": "@active"}"#,
    ),
    (
        "TenantService/UpdateTenantSettings",
        r#"{"settings": {"session_retention": "86400s"}}"#,
    ),
];

/// What takes away what the others ask for.
pub const DELETIONS: &[Call] = &[
    (
        "GoalService/DeleteGoal",
        r#"{"goal_id": "@goal", "abandon": true}"#,
    ),
    ("GoalService/DeleteGoal", r#"{"goal_id": "@goal"}"#),
    (
        "TenantService/PurgeSessions",
        r#"{"before": "2026-03-02T09:00:30Z"}"#,
    ),
    ("TenantService/DeleteUserData", r#"{"user_id": "@quiet"}"#),
];

/// All that can be seen of the owner's.
pub const SEEN: &[Call] = &[
    ("TenantService/ExportUserData", r#"{"user_id": "@user"}"#),
    ("TenantService/ExportUserData", r#"{"user_id": "@quiet"}"#),
    (
        "TenantService/DeleteUserData",
        r#"{"user_id": "@user", "dry_run": true}"#,
    ),
    (
        "SessionService/ListSessions",
        r#"{"user_id": "@user", "include_totals": true}"#,
    ),
    (
        "SessionService/ListActivities",
        r#"{"session_id": "@active"}"#,
    ),
    ("GoalService/ListGoals", r#"{"user_id": "@user"}"#),
    ("GoalService/ListGoalProgress", r#"{"goal_id": "@goal"}"#),
    (
        "UsageStatsService/GetUserUsageStats",
        r#"{"user_id": "@user", "start_date": "2026-03-01", "end_date": "2026-03-02", "include_open_sessions": true}"#,
    ),
    (
        "UsageStatsService/GetUserSummary",
        r#"{"user_id": "@user"}"#,
    ),
    (
        "UsageStatsService/GetUserSummary",
        r#"{"user_id": "@quiet"}"#,
    ),
    ("TenantService/GetTenantSettings", "{}"),
];

/// And of its whole tenant.
pub const SEEN_OF_ALL: &[Call] = &[
    ("SessionService/ListSessions", r#"{"include_totals": true}"#),
    (
        "UsageStatsService/StreamUsageStats",
        r#"{"start_date": "2026-03-01", "end_date": "2026-03-02"}"#,
    ),
    (
        "UsageStatsService/GetTenantUsageReport",
        r#"{"start_date": "2026-03-01", "end_date": "2026-03-02"}"#,
    ),
    ("UsageStatsService/ListUserSummaries", "{}"),
];
