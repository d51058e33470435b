//! `goals`.

use chrono::NaiveDate;
use uuid::Uuid;

use super::{
    codes::Code,
    dialect::{Dialect, Query, get},
    fault::Fault,
    rows::{Rows, RowsOf},
    sessions::fingerprint,
};
use crate::{
    domain::{
        goal::{
            GivenValue, Goal, GoalDetails, GoalFilter, GoalPriority, GoalStatus, GoalType,
            count::GoalCount, recurrence::Recurrence,
        },
        ids::{GoalId, TenantId, UserId},
        insights::recent::Window,
        period::DateRange,
        session::Subject,
    },
    store::goals::GoalKey,
};

pub const SELECT_GOALS: &str = "
    SELECT id, user_id, goal_type, name, description, target_value, unit, start_date, target_date,
        status, priority, recurrence, reminder_enabled, subject_type, subject_id, subject_name,
        counted, samples, last_practised, given_value, given_counted, progress_date, completed_at,
        fingerprint, created_at, updated_at
    FROM goals
    WHERE tenant_id = $1";

pub const AND_GOAL: &str = " AND id = $2";

pub const AND_GOALS: &str = " AND id {ids}";
pub const AND_ACTIVE_OF_USERS: &str = " AND status = 1 AND user_id {ids}";

/// $2 the user, $3 and $4 the row before the page.
pub const AND_OF_USER: &str = " AND user_id = $2 AND (target_date, id) > ($3, $4)";
pub const IN_ORDER_OF_TARGET: &str = " ORDER BY target_date, id LIMIT $?";

/// Those that a day's report may tell of: $3 and $4 its first and last day, $5 and $6 instants
/// that hold it in every zone, $7 the limit.
pub const AND_OF_DAYS: &str = "
    AND user_id = $2 AND status <> 3
    AND (start_date <= $4 AND target_date >= $3 OR completed_at BETWEEN $5 AND $6)
    ORDER BY target_date, id
    LIMIT $7";

/// Those that were reached, oldest first: $3 and $4 instants, $5 the limit.
pub const AND_COMPLETED: &str = "
    AND user_id = $2 AND status = 2 AND completed_at BETWEEN $3 AND $4
    ORDER BY completed_at, id
    LIMIT $5";

/// $2 the tenant's today.
pub const SELECT_GOALS_TO_EXPIRE: &str = "
    SELECT id, user_id FROM goals
    WHERE tenant_id = $1 AND status = 1 AND target_date < $2
    ORDER BY target_date
    LIMIT $3";

pub const SELECT_TENANTS_WITH_GOALS_TO_EXPIRE: &str = "
    SELECT t.tenant_id FROM tenants t
    WHERE t.tenant_id > $1 AND EXISTS (
        SELECT 1 FROM goals g
        WHERE g.tenant_id = t.tenant_id AND g.status = 1 AND g.target_date < $2)
    ORDER BY t.tenant_id
    LIMIT $3";

pub const INSERT_GOALS: &str = "
    INSERT INTO goals (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT DO NOTHING";

pub const UPDATE_GOALS: &str = "
    UPDATE goals SET name = r.name, description = r.description, target_value = r.target_value,
        unit = r.unit, target_date = r.target_date, status = r.status, priority = r.priority,
        recurrence = r.recurrence, reminder_enabled = r.reminder_enabled, counted = r.counted,
        samples = r.samples, last_practised = r.last_practised, given_value = r.given_value,
        given_counted = r.given_counted, progress_date = r.progress_date,
        completed_at = r.completed_at, updated_at = r.updated_at
    FROM {rows} AS r
    WHERE goals.tenant_id = $1 AND goals.id = r.id AND {after}";

/// Their progress goes with them.
pub const DELETE_GOALS: &str = "DELETE FROM goals WHERE tenant_id = $1 AND id {ids}";

/// Goals of a user that the days of the range may have to do with, earliest target date first.
pub async fn of_days<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    range: DateRange,
    limit: i64,
) -> Result<Vec<Goal>, Fault> {
    let (from, until) = Window::On(range).instants();
    let query = Query::<DB>::new(&[SELECT_GOALS, AND_OF_DAYS].concat())
        .bind(tenant.uuid())
        .bind(user.0)
        .bind(range.start)
        .bind(range.end)
        .bind(from)
        .bind(until)
        .bind(limit);
    let rows = query.fetch(conn).await?;
    rows.iter().map(goal::<DB>).collect()
}

/// Goals of a user that were reached about the days of the range, oldest first.
pub async fn completed<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: UserId,
    range: DateRange,
    limit: i64,
) -> Result<Vec<Goal>, Fault> {
    let (from, until) = Window::On(range).instants();
    let query = Query::<DB>::new(&[SELECT_GOALS, AND_COMPLETED].concat())
        .bind(tenant.uuid())
        .bind(user.0)
        .bind(from)
        .bind(until)
        .bind(limit);
    let rows = query.fetch(conn).await?;
    rows.iter().map(goal::<DB>).collect()
}

pub async fn find<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    id: GoalId,
) -> Result<Option<Goal>, Fault> {
    let query = Query::<DB>::new(&[SELECT_GOALS, AND_GOAL].concat());
    let rows = query.bind(tenant.uuid()).bind(id.0).fetch(conn).await?;
    rows.first().map(goal::<DB>).transpose()
}

/// Goals by [`AND_GOALS`], or those of users by [`AND_ACTIVE_OF_USERS`].
pub async fn by_ids<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    predicate: &str,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Goal>, Fault> {
    let query = Query::<DB>::new(&[SELECT_GOALS, predicate].concat());
    let rows = query.bind(tenant.uuid()).ids(ids).fetch(conn).await?;
    rows.iter().map(goal::<DB>).collect()
}

/// The goals that match on `today`, by target date and id, after the given one.
pub async fn page<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    filter: &GoalFilter,
    after: Option<GoalKey>,
    limit: i64,
    today: NaiveDate,
) -> Result<Vec<Goal>, Fault> {
    let first = (DateRange::ALL.start, GoalId(Uuid::nil()));
    let (date, id) = after.unwrap_or(first);
    let query = Query::<DB>::new(&[SELECT_GOALS, AND_OF_USER].concat())
        .bind(tenant.uuid())
        .bind(filter.user_id.0)
        .bind(date)
        .bind(id.0);
    let rows = by_status(query, filter.status, today)
        .and_if(" AND subject_type = $?", filter.subject_type.clone())
        .and_if(" AND subject_id = $?", filter.subject_id.clone())
        .and_if(IN_ORDER_OF_TARGET, Some(limit))
        .fetch(conn)
        .await?;
    rows.iter().map(goal::<DB>).collect()
}

/// As the domain sees it: an ACTIVE goal whose target date is over is expired.
fn by_status<DB: Dialect>(
    query: Query<DB>,
    status: Option<GoalStatus>,
    today: NaiveDate,
) -> Query<DB> {
    match status {
        None => query,
        Some(GoalStatus::Active) => {
            query.and_if(" AND status = 1 AND target_date >= $?", Some(today))
        }
        Some(GoalStatus::Expired) => query.and_if(
            " AND (status = 4 OR status = 1 AND target_date < $?)",
            Some(today),
        ),
        Some(ended) => query.and_if(" AND status = $?", Some(ended.code())),
    }
}

/// ACTIVE goals whose target date is before `today`, the earliest first.
pub async fn to_expire<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    today: NaiveDate,
    limit: i64,
) -> Result<Vec<(GoalId, UserId)>, Fault> {
    let query = Query::<DB>::new(SELECT_GOALS_TO_EXPIRE)
        .bind(tenant.uuid())
        .bind(today)
        .bind(limit);
    let rows = query.fetch(conn).await?;
    rows.iter()
        .map(|row| {
            let id = GoalId(get::<DB, _>(row, "id")?);
            Ok((id, UserId(get::<DB, _>(row, "user_id")?)))
        })
        .collect()
}

/// The columns that [`INSERT_GOALS`] reads.
pub fn columns<'a>(goals: impl IntoIterator<Item = &'a Goal>) -> Rows<'a> {
    fn subject<'a>(goal: &'a Goal, part: fn(&'a Subject) -> &'a str) -> Option<&'a str> {
        goal.details.subject.as_ref().map(part)
    }
    changing(RowsOf::new(goals))
        .uuid("user_id", |goal| goal.user_id.0)
        .small("goal_type", |goal| goal.details.goal_type.code())
        .date("start_date", |goal| goal.dates.start)
        .optional_text("subject_type", |goal| {
            subject(goal, |subject| &subject.kind)
        })
        .optional_text("subject_id", |goal| subject(goal, |subject| &subject.id))
        .optional_text("subject_name", |goal| {
            subject(goal, |subject| &subject.name)
        })
        .bytes("fingerprint", |goal| {
            goal.fingerprint.as_ref().map(|print| print.0.as_slice())
        })
        .time("created_at", |goal| goal.created_at)
        .done()
}

/// The columns that [`UPDATE_GOALS`] reads.
pub fn changing_columns<'a>(goals: impl IntoIterator<Item = &'a Goal>) -> Rows<'a> {
    changing(RowsOf::new(goals)).done()
}

/// What may change in a goal's life.
fn changing<'a>(rows: RowsOf<'a, &'a Goal>) -> RowsOf<'a, &'a Goal> {
    rows.uuid("id", |goal| goal.id.0)
        .text("name", |goal| &*goal.details.name)
        .text("description", |goal| &*goal.details.description)
        .float("target_value", |goal| goal.details.target_value)
        .text("unit", |goal| &*goal.details.unit)
        .date("target_date", |goal| goal.dates.end)
        .small("status", |goal| goal.status.code())
        .small("priority", |goal| goal.details.priority.code())
        .small("recurrence", |goal| goal.details.recurrence.map(Code::code))
        .bool("reminder_enabled", |goal| goal.details.reminder_enabled)
        .int("counted", |goal| goal.count.sum)
        .int("samples", |goal| goal.count.samples)
        .date("last_practised", |goal| goal.count.last_date)
        .float("given_value", |goal| goal.given.map(|given| given.value))
        .int("given_counted", |goal| {
            goal.given.map(|given| given.counted)
        })
        .date("progress_date", |goal| goal.progress_date)
        .time("completed_at", |goal| goal.completed_at)
        .time("updated_at", |goal| goal.updated_at)
}

fn goal<DB: Dialect>(row: &DB::Row) -> Result<Goal, Fault> {
    let given_value: Option<f64> = get::<DB, _>(row, "given_value")?;
    let given_counted: Option<i64> = get::<DB, _>(row, "given_counted")?;
    let given = given_value
        .zip(given_counted)
        .map(|(value, counted)| GivenValue { value, counted });
    Ok(Goal {
        id: GoalId(get::<DB, _>(row, "id")?),
        user_id: UserId(get::<DB, _>(row, "user_id")?),
        details: details::<DB>(row)?,
        dates: DateRange {
            start: get::<DB, _>(row, "start_date")?,
            end: get::<DB, _>(row, "target_date")?,
        },
        status: code::<DB, GoalStatus>(row, "status")?,
        count: GoalCount {
            sum: get::<DB, _>(row, "counted")?,
            samples: get::<DB, _>(row, "samples")?,
            last_date: get::<DB, _>(row, "last_practised")?,
        },
        given,
        progress_date: get::<DB, _>(row, "progress_date")?,
        completed_at: get::<DB, _>(row, "completed_at")?,
        fingerprint: fingerprint::<DB>(row, "goals")?,
        created_at: get::<DB, _>(row, "created_at")?,
        updated_at: get::<DB, _>(row, "updated_at")?,
    })
}

fn details<DB: Dialect>(row: &DB::Row) -> Result<GoalDetails, Fault> {
    let recurrence: Option<i16> = get::<DB, _>(row, "recurrence")?;
    let subject_type: Option<String> = get::<DB, _>(row, "subject_type")?;
    let subject = match subject_type {
        Some(kind) => Some(Subject {
            kind,
            id: get::<DB, Option<_>>(row, "subject_id")?.unwrap_or_default(),
            name: get::<DB, Option<_>>(row, "subject_name")?.unwrap_or_default(),
        }),
        None => None,
    };
    Ok(GoalDetails {
        goal_type: code::<DB, GoalType>(row, "goal_type")?,
        name: get::<DB, _>(row, "name")?,
        description: get::<DB, _>(row, "description")?,
        target_value: get::<DB, _>(row, "target_value")?,
        unit: get::<DB, _>(row, "unit")?,
        priority: code::<DB, GoalPriority>(row, "priority")?,
        recurrence: recurrence.and_then(Recurrence::from_code),
        reminder_enabled: get::<DB, _>(row, "reminder_enabled")?,
        subject,
    })
}

fn code<DB: Dialect, T: Code>(row: &DB::Row, column: &'static str) -> Result<T, Fault> {
    let value: i16 = get::<DB, _>(row, column)?;
    T::from_code(value).ok_or(Fault::Corrupt {
        table: "goals",
        column,
    })
}
