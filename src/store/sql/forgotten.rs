//! Writing what a batch forgets, after everything else that it writes.

use uuid::Uuid;

use super::{
    cohorts,
    dialect::{Dialect, Query},
    events,
    fault::Fault,
    requests, sessions, user_rows, users,
};
use crate::domain::{ids::TenantId, ledger::Ledger};

/// A row that does not go as expected was written by another transaction since.
pub async fn write<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ledger: &Ledger,
) -> Result<(), Fault> {
    let forgotten = &ledger.forgotten;
    let ids = forgotten.users.iter().map(|id| id.0);
    let query = Query::<DB>::new(users::MARK_DELETED).bind(tenant.uuid());
    exactly(query.bind(ledger.now), conn, ids).await?;
    for (user, rows) in &forgotten.rows {
        if let Some(rows) = rows {
            user_rows::delete::<DB>(conn, tenant, *user, *rows).await?;
            cohorts::note_loss::<DB>(conn, tenant, ledger.now).await?;
        } else {
            let query = Query::<DB>::new(users::END_DELETION);
            let query = query.bind(tenant.uuid()).bind(user.0);
            query.execute(conn).await?;
        }
    }
    let sessions = || forgotten.sessions.iter().map(|id| id.0);
    any::<DB>(conn, tenant, sessions::DELETE_ACTIVITIES, sessions()).await?;
    let query = Query::<DB>::new(sessions::DELETE_SESSIONS).bind(tenant.uuid());
    exactly(query, conn, sessions()).await?;
    let clients = forgotten.clients.iter().map(|id| id.0);
    any::<DB>(conn, tenant, sessions::CLEAR_CLIENTS, clients).await?;
    let requests = forgotten.requests.iter().map(|id| id.0);
    any::<DB>(conn, tenant, requests::DELETE_REQUESTS, requests).await?;
    events::forget::<DB>(conn, tenant, &forgotten.events).await
}

/// Writes as many rows as there are ids, or fails.
async fn exactly<DB: Dialect>(
    query: Query<DB>,
    conn: &mut DB::Connection,
    ids: impl ExactSizeIterator<Item = Uuid>,
) -> Result<(), Fault> {
    let expected = ids.len();
    if expected > 0 {
        let written = query.ids(ids).execute(conn).await?;
        if usize::try_from(written) != Ok(expected) {
            return Err(Fault::Contention);
        }
    }
    Ok(())
}

/// Writes whatever there is of the ids.
async fn any<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    sql: &str,
    ids: impl ExactSizeIterator<Item = Uuid>,
) -> Result<(), Fault> {
    if ids.len() > 0 {
        let query = Query::<DB>::new(sql).bind(tenant.uuid());
        query.ids(ids).execute(conn).await?;
    }
    Ok(())
}
