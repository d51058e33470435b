//! A user's use on one day.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use super::{
    fingerprint::Fingerprint,
    ids::{RequestId, UserId},
    period::DateRange,
    rejection::Rejection,
    session::Session,
    settings::TenantSettings,
    time::Timestamp,
};

/// The largest amount that one request may add to a counter.
pub const MAX_INCREMENT: i64 = 1_000_000_000;
/// The largest value of a day's counter: a tenant's sums of them stay within 64 bits.
pub const MAX_DAILY: i64 = 1_000_000_000_000;
/// Distinct feature names that one user's day keeps.
pub const MAX_FEATURES: usize = 1_000;

/// Amounts to add to a day, each 0 to [`MAX_INCREMENT`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct UsageIncrement {
    pub login_count: i64,
    pub active_seconds: i64,
    pub simulation_runs: i64,
    pub documents_accessed: i64,
    pub feature_usage: BTreeMap<String, i64>,
}

/// The counters of a day, of one user or of many.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UsageCounters {
    pub login_count: i64,
    pub active_seconds: i64,
    pub simulation_runs: i64,
    pub documents_accessed: i64,
    pub feature_usage: BTreeMap<String, i64>,
    pub sessions_started: i64,
    pub sessions_completed: i64,
}

impl UsageCounters {
    /// Adds what a request reports. Fails, with nothing changed, where a counter would pass
    /// [`MAX_DAILY`] or the names [`MAX_FEATURES`].
    pub fn add(&mut self, more: &UsageIncrement) -> Result<(), Rejection> {
        let mut new = self.clone();
        bump(&mut new.login_count, more.login_count, "login_count")?;
        bump(
            &mut new.active_seconds,
            more.active_seconds,
            "active_seconds",
        )?;
        bump(
            &mut new.simulation_runs,
            more.simulation_runs,
            "simulation_runs",
        )?;
        bump(
            &mut new.documents_accessed,
            more.documents_accessed,
            "documents_accessed",
        )?;
        for (name, count) in &more.feature_usage {
            let entry = new.feature_usage.entry(name.clone()).or_default();
            bump(entry, *count, "feature_usage")?;
        }
        if new.feature_usage.len() > MAX_FEATURES {
            let rule = format!("would make more than {MAX_FEATURES} names on that day");
            return Err(Rejection::invalid("increment.feature_usage", rule));
        }
        *self = new;
        Ok(())
    }

    /// Adds another day's counters, for a sum over days.
    pub fn merge(&mut self, other: &Self) {
        let sums = [
            (&mut self.login_count, other.login_count),
            (&mut self.active_seconds, other.active_seconds),
            (&mut self.simulation_runs, other.simulation_runs),
            (&mut self.documents_accessed, other.documents_accessed),
            (&mut self.sessions_started, other.sessions_started),
            (&mut self.sessions_completed, other.sessions_completed),
        ];
        for (sum, more) in sums {
            *sum = sum.saturating_add(more);
        }
        for (name, count) in &other.feature_usage {
            let sum = self.feature_usage.entry(name.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
}

fn bump(counter: &mut i64, more: i64, field: &str) -> Result<(), Rejection> {
    let sum = counter.saturating_add(more);
    if sum > MAX_DAILY {
        let rule = format!("would make the day's sum larger than {MAX_DAILY}");
        return Err(Rejection::invalid(&format!("increment.{field}"), rule));
    }
    *counter = sum;
    Ok(())
}

/// One user's use on one local day, or what a batch of writes adds to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DailyUsage {
    pub user_id: UserId,
    pub date: NaiveDate,
    pub counters: UsageCounters,
    pub updated_at: Timestamp,
}

impl DailyUsage {
    /// A day without use.
    #[must_use]
    pub fn new(user_id: UserId, date: NaiveDate, now: Timestamp) -> Self {
        Self {
            user_id,
            date,
            counters: UsageCounters::default(),
            updated_at: now,
        }
    }
}

/// A user's days at `now`: `stored`, and what the sessions stored as open add to them. Those
/// that are over by now count whether or not the sweep has been there; those that are still
/// open only if `with_open`.
#[must_use]
pub fn days_at(
    user: UserId,
    stored: Vec<DailyUsage>,
    open: &[Session],
    settings: &TenantSettings,
    range: DateRange,
    with_open: bool,
    now: Timestamp,
) -> Vec<DailyUsage> {
    let mut days: BTreeMap<_, _> = stored.into_iter().map(|day| (day.date, day)).collect();
    for (date, seconds) in open_seconds(open, settings, range, with_open, now) {
        let day = days.entry(date);
        let day = day.or_insert_with(|| DailyUsage::new(user, date, now));
        let sum = day.counters.active_seconds.saturating_add(seconds);
        day.counters.active_seconds = sum;
    }
    days.into_values().collect()
}

/// The seconds that sessions stored as open add to days of the range at `now`: those that are
/// over by now, and those that are still open if `with_open`.
pub fn open_seconds(
    open: &[Session],
    settings: &TenantSettings,
    range: DateRange,
    with_open: bool,
    now: Timestamp,
) -> impl Iterator<Item = (NaiveDate, i64)> {
    let views = open.iter().map(move |row| row.clone().view(settings, now));
    views
        .filter(move |view| with_open || !view.session.is_open())
        .flat_map(move |view| view.session.seconds_by_day(settings, now))
        .filter(move |(date, _)| range.contains(*date))
}

/// A `RecordUsage` that was carried out, remembered so that it is not carried out again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageRequest {
    pub id: RequestId,
    pub user_id: UserId,
    /// The day that it counted for.
    pub date: NaiveDate,
    pub fingerprint: Fingerprint,
    pub created_at: Timestamp,
}
