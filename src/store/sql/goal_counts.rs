//! What counts for goals, from what is kept of users' days.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::{
    dialect::{Dialect, Query, get},
    fault::Fault,
    performance,
    rows::{Rows, RowsOf},
};
use crate::domain::{
    goal::count::GoalScope,
    ids::{TenantId, UserId},
    insights::tally::Tally,
    period::DateRange,
};

/// The sums of days with a subject; an empty type is all.
pub const SUM_SCOPES: &str = "
    SELECT r.user_id, r.start_date, r.end_date, r.subject_type, r.subject_id,
        CAST(SUM(d.sessions) AS BIGINT) AS sessions,
        CAST(SUM(d.active_seconds) AS BIGINT) AS active_seconds,
        CAST(SUM(d.tests) AS BIGINT) AS tests,
        CAST(SUM(d.test_accuracy) AS BIGINT) AS test_accuracy,
        CAST(SUM(d.flashcards) AS BIGINT) AS flashcards,
        CAST(SUM(d.flashcards_correct) AS BIGINT) AS flashcards_correct,
        CAST(SUM(d.assignments) AS BIGINT) AS assignments,
        CAST(SUM(d.assignment_items) AS BIGINT) AS assignment_items
    FROM {rows} AS r
    JOIN performance_days d ON d.tenant_id = $1 AND d.user_id = r.user_id
        AND d.local_date BETWEEN r.start_date AND r.end_date
    WHERE r.subject_type = '' OR d.subject_type = r.subject_type AND d.subject_id = r.subject_id
    GROUP BY r.user_id, r.start_date, r.end_date, r.subject_type, r.subject_id";

/// The practised days, with a subject or with any.
pub const LIST_PRACTISED: &str = "
    SELECT r.user_id, r.start_date, r.end_date, r.subject_type, r.subject_id,
        d.usage_date AS practised
    FROM {rows} AS r
    JOIN user_usage_stats d ON d.tenant_id = $1 AND d.user_id = r.user_id
        AND d.usage_date BETWEEN r.start_date AND r.end_date AND d.sessions_completed > 0
    WHERE r.subject_type = ''
    UNION ALL
    SELECT r.user_id, r.start_date, r.end_date, r.subject_type, r.subject_id,
        s.practice_date AS practised
    FROM {rows} AS r
    JOIN user_subject_days s ON s.tenant_id = $1 AND s.user_id = r.user_id
        AND s.subject_type = r.subject_type AND s.subject_id = r.subject_id
        AND s.practice_date BETWEEN r.start_date AND r.end_date AND s.sessions > 0";

/// The sums of each that has any.
pub async fn done<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    scopes: &BTreeSet<GoalScope>,
) -> Result<Vec<(GoalScope, Tally)>, Fault> {
    let query = Query::<DB>::new(SUM_SCOPES).bind(tenant.uuid());
    let rows = query.rows(&scope_columns(scopes)).fetch(conn).await?;
    rows.iter()
        .map(|row| Ok((scope::<DB>(row)?, performance::tally::<DB>(row)?)))
        .collect()
}

/// The practised days of each that has any.
pub async fn practised<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    scopes: &BTreeSet<GoalScope>,
) -> Result<BTreeMap<GoalScope, BTreeSet<NaiveDate>>, Fault> {
    let query = Query::<DB>::new(LIST_PRACTISED).bind(tenant.uuid());
    let mut days = BTreeMap::<_, BTreeSet<_>>::new();
    for row in &query.rows(&scope_columns(scopes)).fetch(conn).await? {
        let date = get::<DB, _>(row, "practised")?;
        days.entry(scope::<DB>(row)?).or_default().insert(date);
    }
    Ok(days)
}

/// The columns that [`SUM_SCOPES`] and [`LIST_PRACTISED`] read.
pub fn scope_columns<'a>(scopes: impl IntoIterator<Item = &'a GoalScope>) -> Rows<'a> {
    let subject = |scope: &'a GoalScope| {
        let subject = scope.subject.as_ref();
        subject.map_or(("", ""), |(kind, id)| (&**kind, &**id))
    };
    RowsOf::new(scopes)
        .uuid("user_id", |scope| scope.user.0)
        .date("start_date", |scope| scope.dates.start)
        .date("end_date", |scope| scope.dates.end)
        .text("subject_type", |scope| subject(scope).0)
        .text("subject_id", |scope| subject(scope).1)
        .done()
}

fn scope<DB: Dialect>(row: &DB::Row) -> Result<GoalScope, Fault> {
    let kind: String = get::<DB, _>(row, "subject_type")?;
    let id: String = get::<DB, _>(row, "subject_id")?;
    Ok(GoalScope {
        user: UserId(get::<DB, _>(row, "user_id")?),
        dates: DateRange {
            start: get::<DB, _>(row, "start_date")?,
            end: get::<DB, _>(row, "end_date")?,
        },
        subject: (!kind.is_empty()).then_some((kind, id)),
    })
}
