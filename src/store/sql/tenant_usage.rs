//! What all users of a tenant add up to, kept as their days are written: a report reads as much
//! for a hundred thousand users as for one.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    days::counters,
    dialect::{Dialect, Query, get},
    fault::Fault,
    rows::{Rows, RowsOf},
};
use crate::domain::{
    ids::TenantId,
    period::DateRange,
    report::UserCounts,
    usage::{DailyUsage, UsageCounters},
};

pub const SELECT_TENANT_DAYS: &str = "
    SELECT usage_date, login_count, active_seconds, simulation_runs, documents_accessed,
        sessions_started, sessions_completed
    FROM tenant_usage_days
    WHERE tenant_id = $1 AND usage_date BETWEEN $2 AND $3";

pub const SELECT_TENANT_FEATURES: &str = "
    SELECT usage_date, feature, uses
    FROM tenant_usage_features
    WHERE tenant_id = $1 AND usage_date BETWEEN $2 AND $3";

/// A user is active in a period on one day that has none of the user's in the period before
/// it: to count those days is to count users once. On a new user's, there is none at all.
pub const COUNT_USERS: &str = "
    SELECT r.start_date, r.end_date, CAST(SUM(u.users) AS BIGINT) AS active,
        CAST(SUM(CASE WHEN u.previous_date = '1999-12-31' THEN u.users ELSE 0 END) AS BIGINT)
            AS new
    FROM {rows} AS r
    JOIN tenant_usage_users u
        ON u.tenant_id = $1 AND u.usage_date BETWEEN r.start_date AND r.end_date
            AND u.previous_date < r.start_date
    GROUP BY r.start_date, r.end_date";

/// Adds to what is stored.
pub const UPSERT_TENANT_DAYS: &str = "
    INSERT INTO tenant_usage_days (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT (tenant_id, usage_date) DO UPDATE SET
        login_count = tenant_usage_days.login_count + excluded.login_count,
        active_seconds = tenant_usage_days.active_seconds + excluded.active_seconds,
        simulation_runs = tenant_usage_days.simulation_runs + excluded.simulation_runs,
        documents_accessed = tenant_usage_days.documents_accessed + excluded.documents_accessed,
        sessions_started = tenant_usage_days.sessions_started + excluded.sessions_started,
        sessions_completed = tenant_usage_days.sessions_completed + excluded.sessions_completed";

/// Adds to what is stored.
pub const UPSERT_TENANT_FEATURES: &str = "
    INSERT INTO tenant_usage_features (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT (tenant_id, usage_date, feature) DO UPDATE SET
        uses = tenant_usage_features.uses + excluded.uses";

/// Counts those of the users' days that are new (their revision is 1): each after the user's
/// day before it, and the day after it no longer after the one that it was. Neighbours are
/// looked for in the order of the primary key, which leaves an engine without statistics no
/// other index to take.
pub const COUNT_NEW_DAYS: &str = "
    WITH new AS (
        SELECT r.user_id, r.usage_date
        FROM {rows} AS r
        WHERE 1 = (
            SELECT d.revision FROM user_usage_stats d
            WHERE d.tenant_id = $1 AND d.user_id = r.user_id AND d.usage_date = r.usage_date)),
    placed AS (
        SELECT n.user_id, n.usage_date, (
            SELECT CASE WHEN d.user_id = n.user_id THEN d.usage_date END
            FROM user_usage_stats d
            WHERE d.tenant_id = $1
                AND (d.user_id, d.usage_date) < (n.user_id, n.usage_date)
            ORDER BY d.user_id DESC, d.usage_date DESC
            LIMIT 1
        ) AS previous_date, (
            SELECT CASE WHEN d.user_id = n.user_id THEN d.usage_date END
            FROM user_usage_stats d
            WHERE d.tenant_id = $1
                AND (d.user_id, d.usage_date) > (n.user_id, n.usage_date)
            ORDER BY d.user_id, d.usage_date
            LIMIT 1
        ) AS next_date
        FROM new n),
    moved AS (
        SELECT p.usage_date, p.next_date, (
            SELECT CASE WHEN d.user_id = p.user_id THEN d.usage_date END
            FROM user_usage_stats d
            WHERE d.tenant_id = $1
                AND (d.user_id, d.usage_date) < (p.user_id, p.usage_date)
                AND NOT EXISTS (
                    SELECT 1 FROM new n
                    WHERE n.user_id = d.user_id AND n.usage_date = d.usage_date)
            ORDER BY d.user_id DESC, d.usage_date DESC
            LIMIT 1
        ) AS former_date
        FROM placed p
        WHERE p.next_date IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM new n WHERE n.user_id = p.user_id AND n.usage_date = p.next_date)),
    changes AS (
        SELECT usage_date, previous_date, 1 AS users FROM placed
        UNION ALL SELECT next_date, usage_date, 1 FROM moved
        UNION ALL SELECT next_date, former_date, -1 FROM moved)
    INSERT INTO tenant_usage_users (tenant_id, usage_date, previous_date, users)
    SELECT $1, usage_date, COALESCE(previous_date, '1999-12-31'), SUM(users)
    FROM changes
    WHERE true
    GROUP BY 2, 3
    HAVING SUM(users) <> 0
    ORDER BY 2, 3
    ON CONFLICT (tenant_id, usage_date, previous_date) DO UPDATE SET
        users = tenant_usage_users.users + excluded.users";

/// All users' counters together, by day.
pub async fn days<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    range: DateRange,
) -> Result<BTreeMap<NaiveDate, UsageCounters>, Fault> {
    let query = |sql| {
        Query::<DB>::new(sql)
            .bind(tenant.uuid())
            .bind(range.start)
            .bind(range.end)
    };
    let mut days = BTreeMap::new();
    for row in &query(SELECT_TENANT_DAYS).fetch(conn).await? {
        let date: NaiveDate = get::<DB, _>(row, "usage_date")?;
        days.insert(date, counters::<DB>(row, BTreeMap::new())?);
    }
    for row in &query(SELECT_TENANT_FEATURES).fetch(conn).await? {
        let date: NaiveDate = get::<DB, _>(row, "usage_date")?;
        let day: &mut UsageCounters = days.entry(date).or_default();
        let feature = get::<DB, _>(row, "feature")?;
        day.feature_usage
            .insert(feature, get::<DB, _>(row, "uses")?);
    }
    Ok(days)
}

/// How many users there were in each period; those without any are left out.
pub async fn count_users<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    periods: &[DateRange],
) -> Result<BTreeMap<DateRange, UserCounts>, Fault> {
    let query = Query::<DB>::new(COUNT_USERS).bind(tenant.uuid());
    let rows = query.rows(&period_columns(periods)).fetch(conn).await?;
    let counts = rows.iter().map(|row| {
        let period = DateRange {
            start: get::<DB, _>(row, "start_date")?,
            end: get::<DB, _>(row, "end_date")?,
        };
        let counts = UserCounts {
            active: get::<DB, _>(row, "active")?,
            new: get::<DB, _>(row, "new")?,
        };
        Ok((period, counts))
    });
    counts
        .filter(|found| !matches!(found, Ok((_, counts)) if counts.active == 0))
        .collect()
}

/// What users' days add to those of their tenant.
pub fn sums<'a>(
    days: impl IntoIterator<Item = &'a DailyUsage>,
) -> BTreeMap<NaiveDate, UsageCounters> {
    let mut sums = BTreeMap::<_, UsageCounters>::new();
    for day in days {
        sums.entry(day.date).or_default().merge(&day.counters);
    }
    sums
}

/// The columns that [`UPSERT_TENANT_DAYS`] reads.
pub fn columns<'a>(days: impl IntoIterator<Item = (&'a NaiveDate, &'a UsageCounters)>) -> Rows<'a> {
    RowsOf::new(days)
        .date("usage_date", |(date, _)| *date)
        .int("login_count", |(_, day)| day.login_count)
        .int("active_seconds", |(_, day)| day.active_seconds)
        .int("simulation_runs", |(_, day)| day.simulation_runs)
        .int("documents_accessed", |(_, day)| day.documents_accessed)
        .int("sessions_started", |(_, day)| day.sessions_started)
        .int("sessions_completed", |(_, day)| day.sessions_completed)
        .done()
}

/// The columns that [`UPSERT_TENANT_FEATURES`] reads.
pub fn feature_columns<'a>(uses: impl IntoIterator<Item = (NaiveDate, &'a str, i64)>) -> Rows<'a> {
    RowsOf::new(uses)
        .date("usage_date", |(date, ..)| date)
        .text("feature", |(_, feature, _)| feature)
        .int("uses", |(.., uses)| uses)
        .done()
}

/// The columns that [`COUNT_USERS`] reads.
pub fn period_columns(periods: &[DateRange]) -> Rows<'_> {
    RowsOf::new(periods)
        .date("start_date", |period| period.start)
        .date("end_date", |period| period.end)
        .done()
}
