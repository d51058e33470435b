//! What sessions said, and how well a user performs.

use std::time::Duration;

use super::{
    check::Check,
    encode::{session, subject},
};
use crate::{
    domain::{
        calendar::plus_days,
        hundredths::Hundredths,
        ids::UserId,
        insights::{
            advice::{Advice, MetricReport},
            compare::Entry,
            figures::Metric,
            performance::{PerformanceQuery, Scope},
            recent::{TermCount, Warmup, Window},
            stats::SessionStats,
            trend::Trend,
        },
        period::{DateRange, Granularity},
        rejection::Rejection,
        session::SessionView,
        time::Timestamp,
    },
    pb::v1 as pb,
};

const WEEK: Duration = Duration::from_hours(7 * 24);
const MONTH: Duration = Duration::from_hours(30 * 24);
/// Periods of a trend: the most, and those for 0.
const MAX_PERIODS: u16 = 60;
const DEFAULT_PERIODS: u16 = 12;

/// Whose statistics, and of when.
pub fn stats_window(
    request: &pb::GetSessionStatsRequest,
    now: Timestamp,
) -> Result<(UserId, Window), Rejection> {
    use pb::get_session_stats_request::Period;
    let mut check = Check::default();
    let user = UserId(check.uuid("user_id", &request.user_id));
    let span = check.enumeration("period", request.period, |period| match period {
        Period::Unspecified => None,
        Period::Week => Some(WEEK),
        Period::Month => Some(MONTH),
    });
    let longest = (
        |start| plus_days(start, 366),
        "must be at most 366 days after start_date",
    );
    let range = check.optional_range("range", request.range.as_ref(), Some(longest));
    check.that(
        range.is_none() || request.period == 0,
        "range",
        "must not be given together with period",
    );
    let until = Window::Until {
        now,
        span: span.unwrap_or(WEEK),
    };
    check.done((user, range.map_or(until, Window::On)))
}

/// Whose warm-up, and of when.
pub fn warmup_window(
    request: &pb::GetWarmupRequest,
    now: Timestamp,
) -> Result<(UserId, Window), Rejection> {
    let mut check = Check::default();
    let user = UserId(check.uuid("user_id", &request.user_id));
    check.done((user, Window::Until { now, span: WEEK }))
}

/// The period and the one before it. Other users are of no interest where one subject is asked
/// for, as what they are ranked by is of all subjects.
pub fn overview_query(
    request: pb::GetPerformanceOverviewRequest,
) -> Result<PerformanceQuery, Rejection> {
    let mut check = Check::default();
    let subject = check.subject("subject", request.subject);
    let query = PerformanceQuery {
        user: UserId(check.uuid("user_id", &request.user_id)),
        granularity: granularity(&mut check, request.granularity),
        date: check.optional_date("date", &request.date),
        periods: 2,
        scope: match subject {
            None => Scope::Cohort,
            subject => Scope::Own(subject),
        },
    };
    check.done(query)
}

/// The metric, and the periods up to today's.
pub fn trend_query(
    request: pb::GetPerformanceTrendRequest,
) -> Result<(Metric, PerformanceQuery), Rejection> {
    let mut check = Check::default();
    check.that(request.metric != 0, "metric", "is required");
    let metric = check.enumeration("metric", request.metric, metric_from);
    let (most, default) = (MAX_PERIODS, DEFAULT_PERIODS);
    let periods = check.number("periods", request.periods, most, default);
    let query = PerformanceQuery {
        user: UserId(check.uuid("user_id", &request.user_id)),
        granularity: granularity(&mut check, request.granularity),
        date: None,
        periods: periods.into(),
        scope: Scope::Own(check.subject("subject", request.subject)),
    };
    check.done((metric.unwrap_or(Metric::StudyTime), query))
}

/// What is laid side by side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    Subject,
    Period,
    Cohort,
}

/// What to compare, and the periods for it.
pub fn comparison_query(
    request: &pb::ComparePerformanceRequest,
) -> Result<(By, PerformanceQuery), Rejection> {
    use pb::compare_performance_request::By as Asked;
    let mut check = Check::default();
    check.that(request.by != 0, "by", "is required");
    let by = check.enumeration("by", request.by, |by| match by {
        Asked::Unspecified => None,
        Asked::Subject => Some(By::Subject),
        Asked::Period => Some(By::Period),
        Asked::Cohort => Some(By::Cohort),
    });
    let by = by.unwrap_or(By::Subject);
    let query = PerformanceQuery {
        user: UserId(check.uuid("user_id", &request.user_id)),
        granularity: granularity(&mut check, request.granularity),
        date: check.optional_date("date", &request.date),
        periods: match by {
            By::Period => DEFAULT_PERIODS.into(),
            By::Subject | By::Cohort => 1,
        },
        scope: match by {
            By::Cohort => Scope::Cohort,
            By::Subject | By::Period => Scope::Own(None),
        },
    };
    check.done((by, query))
}

/// A month unless the caller says.
fn granularity(check: &mut Check, value: i32) -> Granularity {
    let given = check.enumeration("granularity", value, |value| match value {
        pb::Granularity::Unspecified => None,
        pb::Granularity::Day => Some(Granularity::Day),
        pb::Granularity::Week => Some(Granularity::Week),
        pb::Granularity::Month => Some(Granularity::Month),
    });
    given.unwrap_or(Granularity::Month)
}

fn metric_from(metric: pb::Metric) -> Option<Metric> {
    match metric {
        pb::Metric::Unspecified => None,
        pb::Metric::StudyTime => Some(Metric::StudyTime),
        pb::Metric::TestAverage => Some(Metric::TestAverage),
        pb::Metric::FlashcardMastery => Some(Metric::FlashcardMastery),
        pb::Metric::AssignmentCompletion => Some(Metric::AssignmentCompletion),
        pb::Metric::Attendance => Some(Metric::Attendance),
    }
}

const fn metric(metric: Metric) -> pb::Metric {
    match metric {
        Metric::StudyTime => pb::Metric::StudyTime,
        Metric::TestAverage => pb::Metric::TestAverage,
        Metric::FlashcardMastery => pb::Metric::FlashcardMastery,
        Metric::AssignmentCompletion => pb::Metric::AssignmentCompletion,
        Metric::Attendance => pb::Metric::Attendance,
    }
}

pub const fn trend(trend: Trend) -> pb::Trend {
    match trend {
        Trend::Improving => pb::Trend::Improving,
        Trend::Declining => pb::Trend::Declining,
        Trend::Stable => pb::Trend::Stable,
        Trend::InsufficientData => pb::Trend::InsufficientData,
    }
}

/// For an answer.
pub fn session_stats(stats: SessionStats) -> pb::GetSessionStatsResponse {
    let types = stats.sessions_by_type.into_iter();
    let types = types.map(|(kind, of_type)| {
        let stats = pb::SessionTypeStats {
            count: of_type.count,
            average_seconds: of_type.average_seconds(),
        };
        (kind, stats)
    });
    let points = stats.score_trend.into_iter().map(|point| pb::ScorePoint {
        date: point.date.to_string(),
        scores: point.scores,
        sessions: point.sessions,
    });
    pb::GetSessionStatsResponse {
        total_sessions: stats.total_sessions,
        total_seconds: stats.total_seconds,
        total_words_spoken: stats.total_words_spoken,
        average_scores: stats.average_scores,
        sessions_by_type: types.collect(),
        score_trend: points.collect(),
        common_topics: terms(stats.common_topics),
        areas_to_improve: terms(stats.areas_to_improve),
    }
}

/// For an answer.
pub fn warmup(warmup: Warmup, last: Option<SessionView>) -> pb::GetWarmupResponse {
    pb::GetWarmupResponse {
        focus_areas: terms(warmup.focus_areas),
        vocabulary_review: terms(warmup.vocabulary_review),
        last_session: last.map(session),
    }
}

fn terms(terms: Vec<TermCount>) -> Vec<pb::TermCount> {
    let terms = terms.into_iter().map(|one| pb::TermCount {
        term: one.term,
        count: one.count,
    });
    terms.collect()
}

/// For an answer.
pub fn overview(
    period: DateRange,
    reports: &[MetricReport],
    advice: Advice,
) -> pb::GetPerformanceOverviewResponse {
    pb::GetPerformanceOverviewResponse {
        period: Some(date_range(period)),
        metrics: reports.iter().map(metric_summary).collect(),
        strengths: advice.strengths,
        areas_for_improvement: advice.areas_for_improvement,
        recommendations: advice.recommendations,
    }
}

/// For an answer.
pub fn metric_summary(report: &MetricReport) -> pb::MetricSummary {
    pb::MetricSummary {
        metric: metric(report.metric).into(),
        value: report.current.value(report.metric),
        previous_value: report.previous.value(report.metric),
        sample_size: report.current.sample_size(report.metric),
        trend: trend(report.trend).into(),
        percentile_rank: report.percentile_rank,
    }
}

/// For an answer.
pub fn date_range(range: DateRange) -> pb::DateRange {
    pb::DateRange {
        start_date: range.start.to_string(),
        end_date: range.end.to_string(),
    }
}

/// For an answer, ranks from 1 in the order of the entries.
pub fn comparison(entries: Vec<Entry>) -> pb::ComparePerformanceResponse {
    let ranked = (1..).zip(entries);
    let entries = ranked.map(|(rank, entry)| pb::PerformanceEntry {
        rank,
        label: entry.label,
        subject: entry.subject.map(subject),
        study_minutes: entry.study_minutes,
        average_test_score: entry.test_average.map(Hundredths::value),
        sessions: entry.sessions,
    });
    pb::ComparePerformanceResponse {
        entries: entries.collect(),
    }
}
