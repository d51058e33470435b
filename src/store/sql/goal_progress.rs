//! `goal_progress`: the value that a goal came to on each day.

use chrono::NaiveDate;

use super::{
    dialect::{Dialect, Query, get},
    fault::Fault,
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
