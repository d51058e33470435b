//! Reports.

use super::{
    check::Check,
    encode::session,
    goal::goal,
    performance::{date_range, metric_summary},
    practice::{DEFAULT_SUBJECTS, calendar_day, days, subject_count},
    session::session_filter,
};
use crate::{
    domain::{
        goal::GoalView,
        hundredths::Hundredths,
        ids::UserId,
        insights::{
            advice::{MetricReport, advise},
            figures::Metric,
            highlights::highlights,
            performance::{PerformanceQuery, Scope},
            report::{Summary, UserReport},
            subjects::SubjectCount,
        },
        period::{DateRange, Granularity},
        rejection::Rejection,
        session::{SessionFilter, SessionView},
    },
    grpc::reports::Format,
    pb::v1 as pb,
    store::report::{ReportGoals, ReportQuery},
};

/// Sessions that a day's report tells.
const DAY_SESSIONS: u16 = 1_000;

/// Whose report, and of which day.
pub fn daily_query(request: &pb::GetDailyReportRequest) -> Result<ReportQuery, Rejection> {
    let mut check = Check::default();
    let user = UserId(check.uuid("user_id", &request.user_id));
    let date = check.optional_date("date", &request.date);
    check.done(ReportQuery {
        performance: PerformanceQuery {
            user,
            granularity: Granularity::Day,
            date,
            periods: 1,
            scope: Scope::Own(None),
        },
        sessions: DAY_SESSIONS,
        subjects: 0,
        goals: ReportGoals::OfDay,
    })
}

/// Whose report, and of which week, which is compared with the one before it.
pub fn weekly_query(request: &pb::GetWeeklyReportRequest) -> Result<ReportQuery, Rejection> {
    let mut check = Check::default();
    let user = UserId(check.uuid("user_id", &request.user_id));
    let rule = "must be an ISO week as YYYY-Www, from 1999-W52 to 2099-W53";
    let week = check.optional_period("week", &request.week, Granularity::Week, rule);
    check.done(two_periods(
        user,
        Granularity::Week,
        week,
        Scope::Own(None),
        ReportGoals::None,
    ))
}

/// Whose report, and of which month, which is compared with the one before it and with the
/// tenant's other users.
pub fn monthly_query(request: &pb::GetMonthlyReportRequest) -> Result<ReportQuery, Rejection> {
    let mut check = Check::default();
    let user = UserId(check.uuid("user_id", &request.user_id));
    let rule = "must be a month as YYYY-MM, from 2000-01 to 2100-01";
    let month = check.optional_period("month", &request.month, Granularity::Month, rule);
    check.done(two_periods(
        user,
        Granularity::Month,
        month,
        Scope::Cohort,
        ReportGoals::Achieved,
    ))
}

fn two_periods(
    user: UserId,
    granularity: Granularity,
    period: Option<DateRange>,
    scope: Scope,
    goals: ReportGoals,
) -> ReportQuery {
    ReportQuery {
        performance: PerformanceQuery {
            user,
            granularity,
            date: period.map(|period| period.start),
            periods: 2,
            scope,
        },
        sessions: 0,
        subjects: DEFAULT_SUBJECTS,
        goals,
    }
}

/// What a file of sessions is made of.
pub fn export_filter(
    request: &pb::ExportSessionsRequest,
) -> Result<(Format, SessionFilter), Rejection> {
    use pb::export_sessions_request::Format as Asked;
    let mut check = Check::default();
    let format = check.enumeration("format", request.format, |format| match format {
        Asked::Unspecified => None,
        Asked::Csv => Some(Format::Csv),
        Asked::Ndjson => Some(Format::Ndjson),
    });
    let empty = pb::ListSessionsRequest::default();
    let filter = request.filter.as_ref().unwrap_or(&empty);
    let filter = check.within("filter.", |check| session_filter(check, filter));
    check.done((format.unwrap_or(Format::Csv), filter))
}

/// For an answer.
pub fn daily_report(
    report: &UserReport,
    sessions: Vec<SessionView>,
    goals: Vec<GoalView>,
) -> pb::GetDailyReportResponse {
    pb::GetDailyReportResponse {
        date: Granularity::Day.label(report.range),
        summary: Some(summary(&report.summary)),
        sessions: sessions.into_iter().map(session).collect(),
        goals: goals.into_iter().map(goal).collect(),
    }
}

/// For an answer.
pub fn weekly_report(
    report: UserReport,
    metrics: &[MetricReport],
    subjects: Vec<SubjectCount>,
) -> pb::GetWeeklyReportResponse {
    pb::GetWeeklyReportResponse {
        week: Granularity::Week.label(report.range),
        range: Some(date_range(report.range)),
        summary: Some(summary(&report.summary)),
        streak_maintained: report.summary.streak_maintained,
        highlights: highlights(&report, metrics, &subjects),
        days: calendar(report),
        top_subjects: subjects.into_iter().map(subject_count).collect(),
    }
}

/// For an answer.
pub fn monthly_report(
    report: UserReport,
    metrics: &[MetricReport],
    subjects: Vec<SubjectCount>,
    goals: Vec<GoalView>,
) -> pb::GetMonthlyReportResponse {
    pb::GetMonthlyReportResponse {
        month: Granularity::Month.label(report.range),
        range: Some(date_range(report.range)),
        summary: Some(summary(&report.summary)),
        days: calendar(report),
        top_subjects: subjects.into_iter().map(subject_count).collect(),
        performance: metrics.iter().map(metric_summary).collect(),
        goals_achieved: goals.into_iter().map(goal).collect(),
        recommendations: advise(metrics).recommendations,
    }
}

fn calendar(report: UserReport) -> Vec<pb::CalendarDay> {
    let days = report.days.into_iter();
    days.map(|day| calendar_day(day, Vec::new())).collect()
}

fn summary(summary: &Summary) -> pb::ReportSummary {
    let (figures, effort) = (&summary.figures, &summary.effort);
    let percentage = |metric| figures.percentage(metric).map(Hundredths::value);
    pb::ReportSummary {
        total_minutes: summary.minutes(),
        total_sessions: summary.totals.completed,
        average_session_minutes: summary.average_session_minutes().value(),
        average_daily_minutes: summary.average_daily_minutes().value(),
        points_earned: effort.points_earned,
        tests_taken: figures.tally.tests,
        average_test_score: percentage(Metric::TestAverage),
        flashcards_reviewed: figures.tally.flashcards,
        flashcard_accuracy: percentage(Metric::FlashcardMastery),
        assignments_completed: figures.tally.assignment_items,
        notes_created: effort.notes_created,
        streak_days: days(summary.streak_days),
        productivity_score: summary.productivity().map(Hundredths::value),
    }
}
