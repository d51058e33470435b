//! Daily usage, reports and what is known of users.

use chrono::{Months, NaiveDate};

use super::{check::Check, encode::timestamp};
use crate::{
    domain::{
        calendar::plus_days,
        commands::RecordUsage,
        fingerprint::Fingerprint,
        ids::{RequestId, UserId},
        period::{DateRange, Granularity},
        rejection::Rejection,
        report::TenantUsage,
        usage::{DailyUsage, MAX_FEATURES, MAX_INCREMENT, UsageCounters, UsageIncrement},
        user::UserSummary,
    },
    pb::v1 as pb,
};

/// Users that one stream is asked for by name.
const MAX_USERS: usize = 1_000;

pub fn record_usage(request: pb::RecordUsageRequest) -> Result<RecordUsage, Rejection> {
    let mut check = Check::default();
    let user_id = UserId(check.uuid("user_id", &request.user_id));
    let date = check.optional_date("date", &request.date);
    let increment = if let Some(amounts) = request.increment {
        increment(&mut check, amounts)
    } else {
        check.fail("increment", "is required");
        UsageIncrement::default()
    };
    let id = check.optional_uuid("request_id", &request.request_id);
    let print = || Fingerprint::of("usage", &(user_id, date, &increment));
    let request = id.map(|id| (RequestId(id), print()));
    check.done(RecordUsage {
        user_id,
        date,
        increment,
        request,
    })
}

fn increment(check: &mut Check, increment: pb::UsageIncrement) -> UsageIncrement {
    let mut amount =
        |name: &str, value| check.count(&format!("increment.{name}"), value, MAX_INCREMENT);
    let checked = UsageIncrement {
        login_count: amount("login_count", increment.login_count),
        active_seconds: amount("active_seconds", increment.active_seconds),
        simulation_runs: amount("simulation_runs", increment.simulation_runs),
        documents_accessed: amount("documents_accessed", increment.documents_accessed),
        feature_usage: increment.feature_usage,
    };
    let features = &checked.feature_usage;
    check.that(
        features.len() <= MAX_FEATURES,
        "increment.feature_usage",
        format!("must have at most {MAX_FEATURES} names"),
    );
    for (name, uses) in features.iter().take(MAX_FEATURES) {
        check.that(
            is_feature(name),
            "increment.feature_usage",
            "must have names that match [A-Za-z0-9_.:/-]{1,100}",
        );
        check.count("increment.feature_usage", *uses, MAX_INCREMENT);
    }
    check.that(!all_zero(&checked), "increment", "must add something");
    checked
}

fn all_zero(increment: &UsageIncrement) -> bool {
    let counters = [
        increment.login_count,
        increment.active_seconds,
        increment.simulation_runs,
        increment.documents_accessed,
    ];
    let mut all = counters.iter().chain(increment.feature_usage.values());
    all.all(|amount| *amount == 0)
}

fn is_feature(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:/-".contains(c);
    (1..=100).contains(&name.len()) && name.chars().all(allowed)
}

pub fn user_id(text: &str) -> Result<UserId, Rejection> {
    let mut check = Check::default();
    let id = UserId(check.uuid("user_id", text));
    check.done(id)
}

pub fn user_range(
    request: &pb::GetUserUsageStatsRequest,
) -> Result<(UserId, DateRange), Rejection> {
    let mut check = Check::default();
    let user = UserId(check.uuid("user_id", &request.user_id));
    let longest = (
        |start| plus_days(start, 366),
        "must be at most 366 days after start_date",
    );
    let range = check.date_range("", &request.start_date, &request.end_date, Some(longest));
    check.done((user, range))
}

/// Which days to stream. The users are in order, so that the same ones in another order are
/// the same filter.
pub fn stream_filter(
    check: &mut Check,
    request: &pb::StreamUsageStatsRequest,
) -> (DateRange, Vec<UserId>) {
    let unlimited = None::<(fn(NaiveDate) -> NaiveDate, &str)>;
    let range = check.date_range("", &request.start_date, &request.end_date, unlimited);
    check.that(
        request.user_ids.len() <= MAX_USERS,
        "user_ids",
        format!("must have at most {MAX_USERS} entries"),
    );
    let ids = request.user_ids.iter().take(MAX_USERS).enumerate();
    let mut users: Vec<_> = ids
        .map(|(index, id)| UserId(check.uuid(&format!("user_ids[{index}]"), id)))
        .collect();
    users.sort();
    users.dedup();
    (range, users)
}

pub fn report_range(
    request: &pb::GetTenantUsageReportRequest,
) -> Result<(DateRange, Granularity), Rejection> {
    let mut check = Check::default();
    let longest = (
        |start: NaiveDate| start + Months::new(36),
        "must be at most 3 years after start_date",
    );
    let range = check.date_range("", &request.start_date, &request.end_date, Some(longest));
    let granularity = check.enumeration("granularity", request.granularity, |value| match value {
        pb::Granularity::Unspecified => None,
        pb::Granularity::Day => Some(Granularity::Day),
        pb::Granularity::Week => Some(Granularity::Week),
        pb::Granularity::Month => Some(Granularity::Month),
    });
    check.done((range, granularity.unwrap_or(Granularity::Day)))
}

/// For an answer.
pub fn daily_usage(day: DailyUsage) -> pb::DailyUsage {
    pb::DailyUsage {
        user_id: day.user_id.to_string(),
        date: day.date.to_string(),
        update_time: Some(timestamp(day.updated_at)),
        ..usage_sum(day.counters)
    }
}

/// Counters of no one day.
pub fn usage_sum(counters: UsageCounters) -> pb::DailyUsage {
    pb::DailyUsage {
        user_id: String::new(),
        date: String::new(),
        login_count: counters.login_count,
        active_seconds: counters.active_seconds,
        active_minutes: counters.active_seconds / 60,
        simulation_runs: counters.simulation_runs,
        documents_accessed: counters.documents_accessed,
        feature_usage: counters.feature_usage,
        sessions_started: counters.sessions_started,
        sessions_completed: counters.sessions_completed,
        update_time: None,
    }
}

/// For an answer.
pub fn tenant_usage(usage: TenantUsage) -> pb::TenantUsage {
    let counters = usage.counters;
    pb::TenantUsage {
        start_date: usage.range.start.to_string(),
        end_date: usage.range.end.to_string(),
        active_users: usage.users.active,
        new_users: usage.users.new,
        login_count: counters.login_count,
        active_seconds: counters.active_seconds,
        active_minutes: counters.active_seconds / 60,
        simulation_runs: counters.simulation_runs,
        documents_accessed: counters.documents_accessed,
        feature_usage: counters.feature_usage,
        sessions_started: counters.sessions_started,
        sessions_completed: counters.sessions_completed,
    }
}

/// For an answer.
pub fn user_summary(summary: UserSummary) -> pb::UserSummary {
    let user = summary.user;
    pb::UserSummary {
        user_id: user.id.to_string(),
        login_count: user.login_count,
        last_login_time: user.last_login_at.map(timestamp),
        last_session_start_time: user.last_session_start.map(timestamp),
        last_active_time: Some(timestamp(user.last_active_at)),
        total_usage_seconds: user.total_usage_seconds,
        total_usage_minutes: user.total_usage_seconds / 60,
        open_sessions: summary.open_sessions,
        first_seen_time: Some(timestamp(user.first_seen_at)),
    }
}
