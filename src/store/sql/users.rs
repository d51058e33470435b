//! `users`: a user's sums, and the row whose lock stands for all of a user's data.

use chrono::NaiveDate;
use uuid::Uuid;

use super::{
    dialect::{Dialect, Query, get},
    fault::Fault,
    rows::{Rows, RowsOf},
};
use crate::domain::{
    ids::{TenantId, UserId},
    time::Timestamp,
    user::{LockedUser, User},
};

/// In id order, so that two transactions never wait for each other in a circle. Whoever waited
/// for a lock is told the row's columns as they are then, but what was looked up elsewhere as it
/// was before.
pub const LOCK_USERS: &str = "
    SELECT id, active_goals, deleted_at FROM users WHERE tenant_id = $1 AND id {ids} ORDER BY id {for_update}";

pub const SELECT_USER: &str = "
    SELECT id, login_count, last_login_at, last_session_start, last_active_at,
        total_usage_seconds, active_goals, first_seen_at, created_at, updated_at
    FROM users
    WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL";

/// $2 the latest last activity and $3 its date, $4 and $5 the row before the page.
pub const SELECT_USERS_BY_LAST_ACTIVE: &str = "
    SELECT id, login_count, last_login_at, last_session_start, last_active_at,
        total_usage_seconds, active_goals, first_seen_at, created_at, updated_at
    FROM users
    WHERE tenant_id = $1 AND last_active_at < $2 AND last_active_date <= $3
        AND deleted_at IS NULL AND (last_active_date, id) > ($4, $5)
    ORDER BY last_active_date, id
    LIMIT $6";

/// Of users who were not there when they were to be locked.
pub const INSERT_USERS: &str = "
    INSERT INTO users (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT DO NOTHING";

/// Adds to what is stored. A deleted user's row stays as it is, so that it is one row less than
/// was to be written.
pub const UPSERT_USERS: &str = "
    INSERT INTO users (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT (tenant_id, id) DO UPDATE SET
        login_count = users.login_count + excluded.login_count,
        last_login_at = {greatest}(COALESCE(users.last_login_at, excluded.last_login_at),
            COALESCE(excluded.last_login_at, users.last_login_at)),
        last_session_start = {greatest}(
            COALESCE(users.last_session_start, excluded.last_session_start),
            COALESCE(excluded.last_session_start, users.last_session_start)),
        last_active_at = {greatest}(users.last_active_at, excluded.last_active_at),
        total_usage_seconds = users.total_usage_seconds + excluded.total_usage_seconds,
        active_goals = users.active_goals + excluded.active_goals,
        first_seen_at = {least}(users.first_seen_at, excluded.first_seen_at),
        updated_at = excluded.updated_at
    WHERE users.deleted_at IS NULL";

/// Nothing stays but the ids and the time, which is $2.
pub const MARK_DELETED: &str = "
    UPDATE users SET deleted_at = $2, deletion_pending = true, login_count = 0,
        last_login_at = NULL, last_session_start = NULL, last_active_at = $2,
        total_usage_seconds = 0, active_goals = 0, first_seen_at = $2, first_date = NULL,
        created_at = $2, updated_at = $2
    WHERE tenant_id = $1 AND deleted_at IS NULL AND id {ids}";

pub const END_DELETION: &str = "
    UPDATE users SET deletion_pending = false
    WHERE tenant_id = $1 AND id = $2 AND deletion_pending";

pub const SELECT_DELETED_AT: &str = "
    SELECT deleted_at FROM users WHERE tenant_id = $1 AND id = $2";

pub const SELECT_TENANTS_WITH_DELETIONS: &str = "
    SELECT t.tenant_id FROM tenants t
    WHERE t.tenant_id > $1 AND EXISTS (
        SELECT 1 FROM users u
        WHERE u.tenant_id = t.tenant_id AND u.deletion_pending AND u.deleted_at < $2)
    ORDER BY t.tenant_id
    LIMIT $3";

pub const SELECT_DELETIONS: &str = "
    SELECT id FROM users
    WHERE tenant_id = $1 AND deletion_pending AND deleted_at < $2
    ORDER BY id
    LIMIT $3";

/// Locks those of the users that exist, and all that belongs to them, and returns what stands in
/// their rows. Where one transaction writes at a time, they are locked already.
pub async fn lock<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ids: impl IntoIterator<Item = UserId>,
) -> Result<Vec<(UserId, LockedUser)>, Fault> {
    let query = Query::<DB>::new(LOCK_USERS).bind(tenant.uuid());
    let query = query.ids(ids.into_iter().map(|id| id.0));
    let rows = query.fetch(conn).await?;
    rows.iter()
        .map(|row| {
            let active_goals: i64 = get::<DB, _>(row, "active_goals")?;
            let user = LockedUser {
                has_active_goals: active_goals > 0,
                deleted_at: get::<DB, _>(row, "deleted_at")?,
            };
            Ok((UserId(get::<DB, _>(row, "id")?), user))
        })
        .collect()
}

pub async fn find<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    id: UserId,
) -> Result<Option<User>, Fault> {
    let query = Query::<DB>::new(SELECT_USER).bind(tenant.uuid()).bind(id.0);
    let rows = query.fetch(conn).await?;
    rows.first().map(user::<DB>).transpose()
}

/// When a user was deleted, if so; `None` if there never was one.
pub async fn deleted_at<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    id: UserId,
) -> Result<Option<Option<Timestamp>>, Fault> {
    let query = Query::<DB>::new(SELECT_DELETED_AT);
    let rows = query.bind(tenant.uuid()).bind(id.0).fetch(conn).await?;
    let row = rows.first().map(|row| get::<DB, _>(row, "deleted_at"));
    Ok(row.transpose()?)
}

/// Users who were deleted before `before` and of whom rows may be left.
pub async fn deletions<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<UserId>, Fault> {
    let query = Query::<DB>::new(SELECT_DELETIONS);
    let query = query.bind(tenant.uuid()).bind(before).bind(limit);
    let rows = query.fetch(conn).await?;
    rows.iter()
        .map(|row| Ok(UserId(get::<DB, _>(row, "id")?)))
        .collect()
}

/// Users last active before `before`, by the day (in UTC) and id, after the given one.
pub async fn by_last_active<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    before: Timestamp,
    after: Option<(NaiveDate, UserId)>,
    limit: i64,
) -> Result<Vec<User>, Fault> {
    let (date, id) = after.unwrap_or((Timestamp::FIRST.utc_date(), UserId(Uuid::nil())));
    let query = Query::<DB>::new(SELECT_USERS_BY_LAST_ACTIVE)
        .bind(tenant.uuid())
        .bind(before)
        .bind(before.utc_date())
        .bind(date)
        .bind(id.0)
        .bind(limit);
    let rows = query.fetch(conn).await?;
    rows.iter().map(user::<DB>).collect()
}

/// The columns that [`INSERT_USERS`] and [`UPSERT_USERS`] read.
pub fn columns<'a>(users: impl IntoIterator<Item = &'a User>) -> Rows<'a> {
    RowsOf::new(users)
        .uuid("id", |user| user.id.0)
        .int("login_count", |user| user.login_count)
        .time("last_login_at", |user| user.last_login_at)
        .time("last_session_start", |user| user.last_session_start)
        .time("last_active_at", |user| user.last_active_at)
        .int("total_usage_seconds", |user| user.total_usage_seconds)
        .int("active_goals", |user| user.active_goals)
        .time("first_seen_at", |user| user.first_seen_at)
        .time("created_at", |user| user.created_at)
        .time("updated_at", |user| user.updated_at)
        .done()
}

fn user<DB: Dialect>(row: &DB::Row) -> Result<User, Fault> {
    Ok(User {
        id: UserId(get::<DB, _>(row, "id")?),
        login_count: get::<DB, _>(row, "login_count")?,
        last_login_at: get::<DB, _>(row, "last_login_at")?,
        last_session_start: get::<DB, _>(row, "last_session_start")?,
        last_active_at: get::<DB, _>(row, "last_active_at")?,
        total_usage_seconds: get::<DB, _>(row, "total_usage_seconds")?,
        active_goals: get::<DB, _>(row, "active_goals")?,
        first_seen_at: get::<DB, _>(row, "first_seen_at")?,
        created_at: get::<DB, _>(row, "created_at")?,
        updated_at: get::<DB, _>(row, "updated_at")?,
    })
}
