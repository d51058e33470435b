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
    insights::practice::PracticeAdditions,
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

/// Adds to what is stored. A day's first revision is 1. What the sessions of a day with very many
/// said is not kept up, so that no row grows and grows.
pub const UPSERT_DAYS: &str = "
    INSERT INTO user_usage_stats (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT (tenant_id, user_id, usage_date) DO UPDATE SET
        login_count = user_usage_stats.login_count + excluded.login_count,
        active_seconds = user_usage_stats.active_seconds + excluded.active_seconds,
        simulation_runs = user_usage_stats.simulation_runs + excluded.simulation_runs,
        documents_accessed = user_usage_stats.documents_accessed + excluded.documents_accessed,
        feature_usage = {added_features},
        outcomes = CASE WHEN user_usage_stats.sessions_ended < 100 THEN {added_outcomes}
            ELSE user_usage_stats.outcomes END,
        sessions_started = user_usage_stats.sessions_started + excluded.sessions_started,
        sessions_completed = user_usage_stats.sessions_completed + excluded.sessions_completed,
        sessions_ended = user_usage_stats.sessions_ended + excluded.sessions_ended,
        sessions_partial = user_usage_stats.sessions_partial + excluded.sessions_partial,
        sessions_abandoned = user_usage_stats.sessions_abandoned + excluded.sessions_abandoned,
        completed_seconds = user_usage_stats.completed_seconds + excluded.completed_seconds,
        updated_at = excluded.updated_at, revision = user_usage_stats.revision + 1";

pub async fn by_key<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    keys: &[(UserId, NaiveDate)],
) -> Result<Vec<DailyUsage>, Fault> {
    let query = Query::<DB>::new(SELECT_DAYS_BY_KEY)
        .bind(tenant.uuid())
        .rows(&key_columns(keys.iter().copied()));
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

/// The columns that [`UPSERT_DAYS`] reads.
pub fn columns<'a>(
    days: impl IntoIterator<Item = &'a DailyUsage>,
    practice: &PracticeAdditions,
) -> Rows<'a> {
    let totals = |day: &DailyUsage| practice.of_day(day.user_id, day.date);
    RowsOf::new(days)
        .uuid("user_id", |day| day.user_id.0)
        .date("usage_date", |day| day.date)
        .int("login_count", |day| day.counters.login_count)
        .int("active_seconds", |day| day.counters.active_seconds)
        .int("simulation_runs", |day| day.counters.simulation_runs)
        .int("documents_accessed", |day| day.counters.documents_accessed)
        .json("feature_usage", |day| {
            Some(json(&day.counters.feature_usage))
        })
        .int("sessions_started", |day| day.counters.sessions_started)
        .int("sessions_completed", |day| day.counters.sessions_completed)
        .int("sessions_ended", |day| totals(day).ended)
        .int("sessions_partial", |day| totals(day).partial)
        .int("sessions_abandoned", |day| totals(day).abandoned)
        .int("completed_seconds", |day| totals(day).completed_seconds)
        .json("outcomes", |day| {
            let outcomes = practice.outcomes_of_day(day.user_id, day.date);
            Some(json(outcomes.unwrap_or(&BTreeMap::new())))
        })
        .time("updated_at", |day| day.updated_at)
        .done()
}

/// A map of strings to integers always has a JSON form.
fn json(counts: &BTreeMap<String, i64>) -> String {
    serde_json::to_string(counts).unwrap_or_default()
}

/// The columns that [`SELECT_DAYS_BY_KEY`] and [`super::tenant_usage::COUNT_NEW_DAYS`] read.
pub fn key_columns<'a>(keys: impl IntoIterator<Item = (UserId, NaiveDate)>) -> Rows<'a> {
    RowsOf::new(keys)
        .uuid("user_id", |(user, _)| user.0)
        .date("usage_date", |(_, date)| date)
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

/// The counters of a row, but for its features.
pub fn counters<DB: Dialect>(
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
