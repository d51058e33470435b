//! `user_usage_stats`: a user's days.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    dialect::{Dialect, Query, get},
    fault::Fault,
    rows::{Rows, RowsOf},
};
use crate::domain::{
    ids::{TenantId, UserId},
    period::DateRange,
    usage::{DailyUsage, UsageCounters},
};

pub const SELECT_DAYS_BY_KEY: &str = "
    SELECT d.user_id, d.usage_date, d.login_count, d.active_seconds, d.simulation_runs,
        d.documents_accessed, d.feature_usage, d.sessions_started, d.sessions_completed,
        d.updated_at
    FROM {rows} AS r
    JOIN user_usage_stats d
        ON d.tenant_id = $1 AND d.user_id = r.user_id AND d.usage_date = r.usage_date";

pub const SELECT_DAYS_BY_USER: &str = "
    SELECT user_id, usage_date, login_count, active_seconds, simulation_runs,
        documents_accessed, feature_usage, sessions_started, sessions_completed, updated_at
    FROM user_usage_stats
    WHERE tenant_id = $1 AND user_id = $2 AND usage_date BETWEEN $3 AND $4
    ORDER BY usage_date";

/// $2 the last date, $3 and $4 the row before the page, which bounds it from below: a second
/// bound on the date would be the one that an index search begins at.
pub const SELECT_DAYS_BY_DATE: &str = "
    SELECT user_id, usage_date, login_count, active_seconds, simulation_runs,
        documents_accessed, feature_usage, sessions_started, sessions_completed, updated_at
    FROM user_usage_stats
    WHERE tenant_id = $1 AND usage_date <= $2 AND (usage_date, user_id) > ($3, $4)
    ORDER BY usage_date, user_id
    LIMIT $5";

/// The same, of some users only.
pub const SELECT_DAYS_BY_DATE_AND_USERS: &str = "
    SELECT user_id, usage_date, login_count, active_seconds, simulation_runs,
        documents_accessed, feature_usage, sessions_started, sessions_completed, updated_at
    FROM user_usage_stats
    WHERE tenant_id = $1 AND usage_date <= $2 AND (usage_date, user_id) > ($3, $4)
        AND user_id {ids}
    ORDER BY usage_date, user_id
    LIMIT $5";

/// Casts keep the engines' own types of sums from showing.
pub const SUM_DAYS: &str = "
    SELECT usage_date,
        CAST(SUM(login_count) AS BIGINT) AS login_count,
        CAST(SUM(active_seconds) AS BIGINT) AS active_seconds,
        CAST(SUM(simulation_runs) AS BIGINT) AS simulation_runs,
        CAST(SUM(documents_accessed) AS BIGINT) AS documents_accessed,
        CAST(SUM(sessions_started) AS BIGINT) AS sessions_started,
        CAST(SUM(sessions_completed) AS BIGINT) AS sessions_completed
    FROM user_usage_stats
    WHERE tenant_id = $1 AND usage_date BETWEEN $2 AND $3
    GROUP BY usage_date";

pub const SUM_FEATURES: &str = "
    SELECT usage_date, f.key AS feature,
        CAST(SUM(CAST(f.value AS BIGINT)) AS BIGINT) AS uses
    FROM user_usage_stats, {each_feature}
    WHERE tenant_id = $1 AND usage_date BETWEEN $2 AND $3
    GROUP BY usage_date, f.key";

pub const COUNT_ACTIVE_USERS: &str = "
    SELECT r.start_date, r.end_date, COUNT(DISTINCT d.user_id) AS users
    FROM {rows} AS r
    JOIN user_usage_stats d
        ON d.tenant_id = $1 AND d.usage_date BETWEEN r.start_date AND r.end_date
    GROUP BY r.start_date, r.end_date";

pub const COUNT_NEW_USERS: &str = "
    SELECT r.start_date, r.end_date, COUNT(*) AS users
    FROM {rows} AS r
    JOIN users u ON u.tenant_id = $1 AND u.first_date BETWEEN r.start_date AND r.end_date
    GROUP BY r.start_date, r.end_date";

/// The caller holds the users' locks, so what it read still stands.
pub const UPSERT_DAYS: &str = "
    INSERT INTO user_usage_stats (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE true
    ON CONFLICT (tenant_id, user_id, usage_date) DO UPDATE SET
        login_count = excluded.login_count, active_seconds = excluded.active_seconds,
        simulation_runs = excluded.simulation_runs,
        documents_accessed = excluded.documents_accessed,
        feature_usage = excluded.feature_usage, sessions_started = excluded.sessions_started,
        sessions_completed = excluded.sessions_completed, updated_at = excluded.updated_at";

pub async fn by_key<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    keys: &[(UserId, NaiveDate)],
) -> Result<Vec<DailyUsage>, Fault> {
    let keys: Vec<_> = keys.iter().collect();
    let query = Query::<DB>::new(SELECT_DAYS_BY_KEY)
        .bind(tenant.uuid())
        .rows(&key_columns(&keys));
    let rows = query.fetch(conn).await?;
    rows.iter().map(day::<DB>).collect()
}

pub async fn by_user<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    range: DateRange,
) -> Result<Vec<DailyUsage>, Fault> {
    let query = Query::<DB>::new(SELECT_DAYS_BY_USER)
        .bind(tenant.uuid())
        .bind(user.0)
        .bind(range.start)
        .bind(range.end);
    let rows = query.fetch(conn).await?;
    rows.iter().map(day::<DB>).collect()
}

/// The tenant's days by date and user, after the given one. No users are all.
pub async fn by_date<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    range: DateRange,
    users: &[UserId],
    after: Option<(NaiveDate, UserId)>,
    limit: i64,
) -> Result<Vec<DailyUsage>, Fault> {
    // Before every key of the range: the comparison is strict.
    let first = (range.start.pred_opt().unwrap_or(range.start), Uuid::max());
    let (date, user) = after.map_or(first, |(date, user)| (date, user.0));
    let sql = if users.is_empty() {
        SELECT_DAYS_BY_DATE
    } else {
        SELECT_DAYS_BY_DATE_AND_USERS
    };
    let mut query = Query::<DB>::new(sql)
        .bind(tenant.uuid())
        .bind(range.end)
        .bind(date)
        .bind(user)
        .bind(limit);
    if !users.is_empty() {
        query = query.ids(users.iter().map(|user| user.0));
    }
    let rows = query.fetch(conn).await?;
    rows.iter().map(day::<DB>).collect()
}

/// All users' counters together, by day.
pub async fn sums<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    range: DateRange,
) -> Result<BTreeMap<NaiveDate, UsageCounters>, Fault> {
    let mut sums = BTreeMap::new();
    let query = |sql| {
        Query::<DB>::new(sql)
            .bind(tenant.uuid())
            .bind(range.start)
            .bind(range.end)
    };
    for row in &query(SUM_DAYS).fetch(conn).await? {
        let date: NaiveDate = get::<DB, _>(row, "usage_date")?;
        sums.insert(date, counters::<DB>(row, BTreeMap::new())?);
    }
    for row in &query(SUM_FEATURES).fetch(conn).await? {
        let date: NaiveDate = get::<DB, _>(row, "usage_date")?;
        let feature: String = get::<DB, _>(row, "feature")?;
        let day: &mut UsageCounters = sums.entry(date).or_default();
        day.feature_usage
            .insert(feature, get::<DB, _>(row, "uses")?);
    }
    Ok(sums)
}

/// How many users [`COUNT_ACTIVE_USERS`] or [`COUNT_NEW_USERS`] finds in each period.
pub async fn count_users<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    sql: &str,
    periods: &[DateRange],
) -> Result<BTreeMap<DateRange, i64>, Fault> {
    let periods: Vec<_> = periods.iter().collect();
    let query = Query::<DB>::new(sql)
        .bind(tenant.uuid())
        .rows(&period_columns(&periods));
    let rows = query.fetch(conn).await?;
    rows.iter()
        .map(|row| {
            let period = DateRange {
                start: get::<DB, _>(row, "start_date")?,
                end: get::<DB, _>(row, "end_date")?,
            };
            Ok((period, get::<DB, _>(row, "users")?))
        })
        .collect()
}

/// The columns that [`UPSERT_DAYS`] reads.
pub fn columns<'a>(days: &'a [&'a DailyUsage]) -> Rows<'a> {
    RowsOf::new(days)
        .uuid("user_id", |day| day.user_id.0)
        .date("usage_date", |day| day.date)
        .int("login_count", |day| day.counters.login_count)
        .int("active_seconds", |day| day.counters.active_seconds)
        .int("simulation_runs", |day| day.counters.simulation_runs)
        .int("documents_accessed", |day| day.counters.documents_accessed)
        .json("feature_usage", |day| {
            // A map of strings to integers always has a JSON form.
            Some(serde_json::to_string(&day.counters.feature_usage).unwrap_or_default())
        })
        .int("sessions_started", |day| day.counters.sessions_started)
        .int("sessions_completed", |day| day.counters.sessions_completed)
        .time("updated_at", |day| day.updated_at)
        .done()
}

/// The columns that [`SELECT_DAYS_BY_KEY`] reads.
pub fn key_columns<'a>(keys: &'a [&'a (UserId, NaiveDate)]) -> Rows<'a> {
    RowsOf::new(keys)
        .uuid("user_id", |(user, _)| user.0)
        .date("usage_date", |(_, date)| *date)
        .done()
}

/// The columns that [`COUNT_ACTIVE_USERS`] and [`COUNT_NEW_USERS`] read.
pub fn period_columns<'a>(periods: &'a [&'a DateRange]) -> Rows<'a> {
    RowsOf::new(periods)
        .date("start_date", |period| period.start)
        .date("end_date", |period| period.end)
        .done()
}

fn day<DB: Dialect>(row: &DB::Row) -> Result<DailyUsage, Fault> {
    let Json(features) = get::<DB, Json<BTreeMap<String, i64>>>(row, "feature_usage")?;
    Ok(DailyUsage {
        user_id: UserId(get::<DB, _>(row, "user_id")?),
        date: get::<DB, _>(row, "usage_date")?,
        counters: counters::<DB>(row, features)?,
        updated_at: get::<DB, _>(row, "updated_at")?,
    })
}

fn counters<DB: Dialect>(
    row: &DB::Row,
    feature_usage: BTreeMap<String, i64>,
) -> Result<UsageCounters, Fault> {
    Ok(UsageCounters {
        login_count: get::<DB, _>(row, "login_count")?,
        active_seconds: get::<DB, _>(row, "active_seconds")?,
        simulation_runs: get::<DB, _>(row, "simulation_runs")?,
        documents_accessed: get::<DB, _>(row, "documents_accessed")?,
        feature_usage,
        sessions_started: get::<DB, _>(row, "sessions_started")?,
        sessions_completed: get::<DB, _>(row, "sessions_completed")?,
    })
}
