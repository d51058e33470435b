//! `usage_requests`: what makes `RecordUsage` count once.

use super::{
    dialect::{Dialect, Query, get},
    fault::Fault,
    rows::{Rows, RowsOf},
    sessions::fingerprint,
};
use crate::domain::{
    ids::{RequestId, TenantId, UserId},
    time::Timestamp,
    usage::UsageRequest,
};

pub const SELECT_REQUESTS_BY_ID: &str = "
    SELECT id, user_id, usage_date, fingerprint, created_at
    FROM usage_requests
    WHERE tenant_id = $1 AND id {ids}";

pub const SELECT_OLD_REQUESTS: &str = "
    SELECT id FROM usage_requests
    WHERE tenant_id = $1 AND created_at < $2
    ORDER BY created_at
    LIMIT $3";

pub const SELECT_TENANTS_WITH_OLD_REQUESTS: &str = "
    SELECT t.tenant_id FROM tenants t
    WHERE t.tenant_id > $1 AND EXISTS (
        SELECT 1 FROM usage_requests r
        WHERE r.tenant_id = t.tenant_id AND r.created_at < $2)
    ORDER BY t.tenant_id
    LIMIT $3";

pub const INSERT_REQUESTS: &str = "
    INSERT INTO usage_requests (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT DO NOTHING";

pub const DELETE_REQUESTS: &str = "
    DELETE FROM usage_requests WHERE tenant_id = $1 AND id {ids}";

pub async fn by_ids<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ids: impl IntoIterator<Item = RequestId>,
) -> Result<Vec<UsageRequest>, Fault> {
    let query = Query::<DB>::new(SELECT_REQUESTS_BY_ID)
        .bind(tenant.uuid())
        .ids(ids.into_iter().map(|id| id.0));
    let rows = query.fetch(conn).await?;
    rows.iter().map(request::<DB>).collect()
}

/// Requests remembered since before `time`, the oldest first.
pub async fn before<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    time: Timestamp,
    limit: i64,
) -> Result<Vec<RequestId>, Fault> {
    let query = Query::<DB>::new(SELECT_OLD_REQUESTS)
        .bind(tenant.uuid())
        .bind(time)
        .bind(limit);
    let rows = query.fetch(conn).await?;
    rows.iter()
        .map(|row| Ok(RequestId(get::<DB, _>(row, "id")?)))
        .collect()
}

/// The columns that [`INSERT_REQUESTS`] reads.
pub fn columns<'a>(requests: impl IntoIterator<Item = &'a UsageRequest>) -> Rows<'a> {
    RowsOf::new(requests)
        .uuid("id", |request| request.id.0)
        .uuid("user_id", |request| request.user_id.0)
        .date("usage_date", |request| request.date)
        .bytes("fingerprint", |request| {
            Some(request.fingerprint.0.as_slice())
        })
        .time("created_at", |request| request.created_at)
        .done()
}

fn request<DB: Dialect>(row: &DB::Row) -> Result<UsageRequest, Fault> {
    let print = fingerprint::<DB>(row, "usage_requests")?;
    Ok(UsageRequest {
        id: RequestId(get::<DB, _>(row, "id")?),
        user_id: UserId(get::<DB, _>(row, "user_id")?),
        date: get::<DB, _>(row, "usage_date")?,
        fingerprint: print.ok_or(Fault::Corrupt {
            table: "usage_requests",
            column: "fingerprint",
        })?,
        created_at: get::<DB, _>(row, "created_at")?,
    })
}
