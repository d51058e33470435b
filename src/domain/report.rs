//! A tenant's use, by period.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{period::DateRange, usage::UsageCounters};

/// How many users there were in one period.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UserCounts {
    /// Distinct users with a row.
    pub active: i64,
    /// Of them, those never seen before the period.
    pub new: i64,
}

/// A tenant's use in one period.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantUsage {
    pub range: DateRange,
    pub users: UserCounts,
    pub counters: UsageCounters,
}

/// The periods with use, oldest first, and their sum.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TenantUsageReport {
    pub periods: Vec<TenantUsage>,
    pub total: TenantUsage,
}

/// Puts a report together: sums add up by day, but a user who is active on two days is one
/// user, so `users` are counted for each of `periods`, and `all_users` for all of `range`.
#[must_use]
pub fn tenant_usage_report(
    range: DateRange,
    periods: &[DateRange],
    days: &BTreeMap<NaiveDate, UsageCounters>,
    users: &BTreeMap<DateRange, UserCounts>,
    all_users: UserCounts,
) -> TenantUsageReport {
    let sum_of = |part: &DateRange| {
        let mut sum = UsageCounters::default();
        days.range(part.start..=part.end)
            .for_each(|(_, day)| sum.merge(day));
        sum
    };
    let periods = periods
        .iter()
        .filter_map(|part| {
            let counts = users.get(part).filter(|counts| counts.active > 0)?;
            Some(TenantUsage {
                range: *part,
                users: *counts,
                counters: sum_of(part),
            })
        })
        .collect();
    TenantUsageReport {
        periods,
        total: TenantUsage {
            range,
            users: all_users,
            counters: sum_of(&range),
        },
    }
}
