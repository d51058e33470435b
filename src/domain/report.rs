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
/// user, so `users` are counted for each of `periods` and for the whole of `range`.
#[must_use]
pub fn tenant_usage_report(
    range: DateRange,
    periods: &[DateRange],
    days: &BTreeMap<NaiveDate, UsageCounters>,
    users: &BTreeMap<DateRange, UserCounts>,
) -> TenantUsageReport {
    let usage_of = |part: DateRange| {
        let mut counters = UsageCounters::default();
        for (_, day) in days.range(part.start..=part.end) {
            counters.merge(day);
        }
        TenantUsage {
            range: part,
            users: users.get(&part).copied().unwrap_or_default(),
            counters,
        }
    };
    let used = periods.iter().map(|part| usage_of(*part));
    TenantUsageReport {
        periods: used.filter(|usage| usage.users.active > 0).collect(),
        total: usage_of(range),
    }
}
