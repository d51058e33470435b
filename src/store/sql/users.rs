//! `users`: a user's sums, and the row whose lock stands for all of a user's data.

use uuid::Uuid;

use super::{
    dialect::{Dialect, Query, get},
    fault::Fault,
    rows::{Rows, RowsOf},
};
use crate::domain::{
    ids::{TenantId, UserId},
    time::Timestamp,
    user::User,
};

/// In id order, so that two transactions never wait for each other in a circle.
pub const LOCK_USERS: &str = "
    SELECT id, login_count, last_login_at, last_session_start, last_active_at,
        total_usage_seconds, first_seen_at, first_date, created_at, updated_at
    FROM users
    WHERE tenant_id = $1 AND id {ids}
    ORDER BY id
    {for_update}";

pub const SELECT_USER: &str = "
    SELECT id, login_count, last_login_at, last_session_start, last_active_at,
        total_usage_seconds, first_seen_at, first_date, created_at, updated_at
    FROM users
    WHERE tenant_id = $1 AND id = $2";

/// $2 the latest last activity, $3 and $4 the row before the page.
pub const SELECT_USERS_BY_LAST_ACTIVE: &str = "
    SELECT id, login_count, last_login_at, last_session_start, last_active_at,
        total_usage_seconds, first_seen_at, first_date, created_at, updated_at
    FROM users
    WHERE tenant_id = $1 AND last_active_at < $2 AND (last_active_at, id) > ($3, $4)
    ORDER BY last_active_at, id
    LIMIT $5";

pub const INSERT_USERS: &str = "
    INSERT INTO users (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE true
    ON CONFLICT DO NOTHING";

pub const UPDATE_USERS: &str = "
    UPDATE users SET login_count = r.login_count, last_login_at = r.last_login_at,
        last_session_start = r.last_session_start, last_active_at = r.last_active_at,
        total_usage_seconds = r.total_usage_seconds, first_seen_at = r.first_seen_at,
        first_date = r.first_date, updated_at = r.updated_at
    FROM {rows} AS r
    WHERE users.tenant_id = $1 AND users.id = r.id";

/// Locks those of the users that exist, and all that belongs to them.
pub async fn lock<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ids: impl IntoIterator<Item = UserId>,
) -> Result<Vec<User>, Fault> {
    let query = Query::<DB>::new(LOCK_USERS)
        .bind(tenant.uuid())
        .ids(ids.into_iter().map(|id| id.0));
    let rows = query.fetch(conn).await?;
    rows.iter().map(user::<DB>).collect()
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

/// Users last active before `before`, the longest silent first, after the given one.
pub async fn by_last_active<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    before: Timestamp,
    after: Option<(Timestamp, UserId)>,
    limit: i64,
) -> Result<Vec<User>, Fault> {
    let (time, id) = after.map_or((Timestamp::FIRST, Uuid::nil()), |(time, id)| (time, id.0));
    let query = Query::<DB>::new(SELECT_USERS_BY_LAST_ACTIVE)
        .bind(tenant.uuid())
        .bind(before)
        .bind(time)
        .bind(id)
        .bind(limit);
    let rows = query.fetch(conn).await?;
    rows.iter().map(user::<DB>).collect()
}

/// The columns that [`INSERT_USERS`] and [`UPDATE_USERS`] read.
pub fn columns<'a>(users: &'a [&'a User]) -> Rows<'a> {
    RowsOf::new(users)
        .uuid("id", |user| user.id.0)
        .int("login_count", |user| user.login_count)
        .time("last_login_at", |user| user.last_login_at)
        .time("last_session_start", |user| user.last_session_start)
        .time("last_active_at", |user| user.last_active_at)
        .int("total_usage_seconds", |user| user.total_usage_seconds)
        .time("first_seen_at", |user| user.first_seen_at)
        .date("first_date", |user| user.first_date)
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
        first_seen_at: get::<DB, _>(row, "first_seen_at")?,
        first_date: get::<DB, _>(row, "first_date")?,
        created_at: get::<DB, _>(row, "created_at")?,
        updated_at: get::<DB, _>(row, "updated_at")?,
    })
}
