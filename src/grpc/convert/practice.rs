//! When and how much a user practised.

use chrono::NaiveDate;

use super::{
    check::Check,
    encode::{session, subject},
};
use crate::{
    domain::{
        calendar::plus_days,
        ids::UserId,
        insights::{
            calendar::CalendarDay, frequency::Frequency, statistics::UserStatistics,
            streak::Streak, subjects::SubjectCount,
        },
        period::DateRange,
        rejection::Rejection,
        session::SessionView,
    },
    pb::v1 as pb,
};

/// Days of a practice frequency: the most, and those for 0.
const MAX_FREQUENCY_DAYS: u16 = 366;
const DEFAULT_FREQUENCY_DAYS: u16 = 30;
/// Subjects of a list: the most, and those for 0.
const MAX_SUBJECTS: u16 = 100;
pub const DEFAULT_SUBJECTS: u16 = 10;

/// The last end that a start allows, and the rule in words.
type Longest = (fn(NaiveDate) -> NaiveDate, &'static str);

/// A range may be as long as it likes.
const ANY_LENGTH: Option<Longest> = None;

/// Whose statistics, and of which days.
pub fn statistics_range(
    request: &pb::GetUserStatisticsRequest,
) -> Result<(UserId, DateRange), Rejection> {
    let mut check = Check::default();
    let user = UserId(check.uuid("user_id", &request.user_id));
    let range = check.optional_range("range", request.range.as_ref(), ANY_LENGTH);
    check.done((user, range.unwrap_or(DateRange::ALL)))
}

/// Whose calendar, and of which days.
pub fn calendar_range(request: &pb::GetCalendarRequest) -> Result<(UserId, DateRange), Rejection> {
    let mut check = Check::default();
    let user = UserId(check.uuid("user_id", &request.user_id));
    let longest = (
        |start| plus_days(start, 366),
        "must be at most 366 days after start_date",
    );
    let empty = pb::DateRange::default();
    let range = request.range.as_ref().unwrap_or(&empty);
    let range = check.date_range("range.", &range.start_date, &range.end_date, Some(longest));
    check.done((user, range))
}

/// Whose frequency, and of how many days.
pub fn frequency_days(
    request: &pb::GetPracticeFrequencyRequest,
) -> Result<(UserId, u16), Rejection> {
    let mut check = Check::default();
    let user = UserId(check.uuid("user_id", &request.user_id));
    let days = check.number(
        "days",
        request.days,
        MAX_FREQUENCY_DAYS,
        DEFAULT_FREQUENCY_DAYS,
    );
    check.done((user, days))
}

/// Which subjects are asked for.
pub struct TopSubjects {
    pub user: UserId,
    /// `None` is every type.
    pub kind: Option<String>,
    pub range: DateRange,
    pub limit: u16,
}

pub fn top_subjects(request: pb::ListTopSubjectsRequest) -> Result<TopSubjects, Rejection> {
    let mut check = Check::default();
    let user = UserId(check.uuid("user_id", &request.user_id));
    let kind = check.name("subject_type", request.subject_type, "");
    let limit = check.number("limit", request.limit, MAX_SUBJECTS, DEFAULT_SUBJECTS);
    let range = check.optional_range("range", request.range.as_ref(), ANY_LENGTH);
    check.done(TopSubjects {
        user,
        kind: Some(kind).filter(|kind| !kind.is_empty()),
        range: range.unwrap_or(DateRange::ALL),
        limit,
    })
}

/// For an answer.
pub fn user_statistics(statistics: &UserStatistics) -> pb::GetUserStatisticsResponse {
    let (totals, streak) = (statistics.totals, statistics.streak);
    pb::GetUserStatisticsResponse {
        total_sessions: totals.completed,
        total_seconds: totals.completed_seconds,
        total_hours: totals.hours(),
        average_session_minutes: totals.average_minutes(),
        current_streak_days: days(streak.current),
        longest_streak_days: days(streak.longest),
        completion_rate_percentage: totals.completion_percentage(),
        sessions_last_30_days: statistics.recent_sessions,
        partial_sessions: totals.partial,
        abandoned_sessions: totals.abandoned,
    }
}

/// For an answer.
pub fn streak(streak: &Streak) -> pb::GetStreakResponse {
    pb::GetStreakResponse {
        current_days: days(streak.current),
        longest_days: days(streak.longest),
        last_date: streak
            .last_date
            .map_or_else(String::new, |date| date.to_string()),
        done_today: streak.done_today,
        at_risk: streak.is_at_risk(),
    }
}

/// There are some 37,000 days.
pub fn days(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// For an answer.
pub fn calendar_day(day: CalendarDay, sessions: Vec<SessionView>) -> pb::CalendarDay {
    pb::CalendarDay {
        date: day.date.to_string(),
        session_count: day.started,
        completed_count: day.completed,
        active_seconds: day.active_seconds,
        sessions: sessions.into_iter().map(session).collect(),
    }
}

/// For an answer.
pub fn practice_frequency(frequency: &Frequency) -> pb::GetPracticeFrequencyResponse {
    let days = frequency.days.iter().map(|day| pb::DayFrequency {
        date: day.date.to_string(),
        sessions: day.sessions,
    });
    pb::GetPracticeFrequencyResponse {
        days: days.collect(),
        weekday_hours: frequency.weekday_hours.as_flattened().to_vec(),
    }
}

/// For an answer.
pub fn subject_count(count: SubjectCount) -> pb::SubjectCount {
    pb::SubjectCount {
        subject: Some(subject(count.subject)),
        sessions: count.sessions,
        total_seconds: count.seconds,
    }
}
