//! `goal_progress`: the value that a goal came to on each day.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    dialect::{Dialect, Query, get},
    fault::Fault,
    rows::{Rows, RowsOf},
};
use crate::domain::{
    goal::progress::GoalProgress,
    ids::{GoalId, TenantId, UserId},
    period::DateRange,
};

/// $3 the day before the page.
pub const SELECT_PROGRESS: &str = "
    SELECT goal_id, user_id, progress_date, value, notes, updated_at
    FROM goal_progress
    WHERE tenant_id = $1 AND goal_id = $2 AND progress_date > $3
    ORDER BY progress_date
    LIMIT $4";

/// The highest value up to and with $3.
pub const SELECT_BEST_VALUE: &str = "
    SELECT MAX(value) AS best FROM goal_progress
    WHERE tenant_id = $1 AND goal_id = $2 AND progress_date <= $3";

/// The day's latest value stands; what was said of the day too, unless more is said.
pub const UPSERT_PROGRESS: &str = "
    INSERT INTO goal_progress AS p (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT (tenant_id, goal_id, progress_date) DO UPDATE SET
        value = excluded.value, notes = COALESCE(excluded.notes, p.notes),
        updated_at = excluded.updated_at";

pub const SELECT_VALUES_BY_GOAL: &str = "
    SELECT goal_id, progress_date, value FROM goal_progress
    WHERE tenant_id = $1 AND goal_id {ids}";

/// All values of each of the goals, by day.
pub async fn values<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    goals: impl IntoIterator<Item = GoalId>,
) -> Result<BTreeMap<GoalId, BTreeMap<NaiveDate, f64>>, Fault> {
    let query = Query::<DB>::new(SELECT_VALUES_BY_GOAL).bind(tenant.uuid());
    let query = query.ids(goals.into_iter().map(|goal| goal.0));
    let mut values = BTreeMap::<_, BTreeMap<_, _>>::new();
    for row in &query.fetch(conn).await? {
        let days = values.entry(GoalId(get::<DB, _>(row, "goal_id")?));
        let date = get::<DB, _>(row, "progress_date")?;
        let value = get::<DB, _>(row, "value")?;
        days.or_default().insert(date, value);
    }
    Ok(values)
}

/// The columns that [`UPSERT_PROGRESS`] reads.
pub fn columns<'a>(days: impl IntoIterator<Item = &'a GoalProgress>) -> Rows<'a> {
    RowsOf::new(days)
        .uuid("goal_id", |day| day.goal_id.0)
        .date("progress_date", |day| day.date)
        .uuid("user_id", |day| day.user_id.0)
        .float("value", |day| day.value)
        .optional_text("notes", |day| day.notes.as_deref())
        .time("updated_at", |day| day.updated_at)
        .done()
}

/// A goal's days after the given one, oldest first, and the highest value before them.
pub async fn page<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    goal: GoalId,
    after: Option<NaiveDate>,
    limit: i64,
) -> Result<(Vec<GoalProgress>, f64), Fault> {
    let query = Query::<DB>::new(SELECT_PROGRESS)
        .bind(tenant.uuid())
        .bind(goal.0)
        .bind(after.unwrap_or(DateRange::ALL.start))
        .bind(limit);
    let rows = query.fetch(conn).await?;
    let days = rows.iter().map(progress::<DB>).collect::<Result<_, _>>()?;
    let Some(after) = after else {
        return Ok((days, 0.0));
    };
    let query = Query::<DB>::new(SELECT_BEST_VALUE)
        .bind(tenant.uuid())
        .bind(goal.0)
        .bind(after);
    let rows = query.fetch(conn).await?;
    let best = rows.first().map(|row| get::<DB, Option<f64>>(row, "best"));
    Ok((days, best.transpose()?.flatten().unwrap_or(0.0)))
}

fn progress<DB: Dialect>(row: &DB::Row) -> Result<GoalProgress, Fault> {
    Ok(GoalProgress {
        goal_id: GoalId(get::<DB, _>(row, "goal_id")?),
        user_id: UserId(get::<DB, _>(row, "user_id")?),
        date: get::<DB, _>(row, "progress_date")?,
        value: get::<DB, _>(row, "value")?,
        notes: get::<DB, _>(row, "notes")?,
        updated_at: get::<DB, _>(row, "updated_at")?,
    })
}
