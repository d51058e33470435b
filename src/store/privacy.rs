//! What tenants and users may ask to be forgotten, or to be told: in bounded pieces, each of
//! them one write, or one read, of its own.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};

use super::{
    Error, Page, SessionKey, Store, UserRowKey,
    sql::user_tables::{USER_TABLES, USERS},
    writer,
};
use crate::domain::{
    commands::{ClearClients, DeleteUser, EraseRows, Erased, PurgeSession},
    ids::{SessionId, TenantId, UserId},
    time::Timestamp,
};

/// Sessions that are read, and go, at a time.
const PIECE: usize = 500;

/// What is deleted of a user, or would be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// When the user was deleted, if that is so by now.
    pub deleted_at: Option<Timestamp>,
    /// How many rows of each table that may hold some. Of the one of `users` a mark stays: the
    /// ids and the time.
    pub rows: BTreeMap<&'static str, i64>,
}

/// What is read for privacy's sake: a part of [`Store`], and as it says.
#[async_trait]
pub trait PrivacyStore: Send + Sync {
    /// What deleting the user would tell; `None` for one never heard of.
    async fn count_user_rows(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<Receipt>, Error>;

    /// All rows of a user as lines of JSON, `{"table":...,"row":{...}}`, table by table and in
    /// the order of their keys; `after` itself is not repeated. A page has rows of one table,
    /// and may have none although there is a next one. May come from a replica.
    async fn list_user_rows(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<UserRowKey>,
        limit: usize,
    ) -> Result<Page<String, UserRowKey>, Error>;

    /// Sessions stored as ended, and before `before`, by start and id, with their users; `after`
    /// itself is not repeated.
    async fn list_sessions_ended_before(
        &self,
        tenant: TenantId,
        before: Timestamp,
        after: Option<SessionKey>,
        limit: usize,
    ) -> Result<Vec<(SessionKey, UserId)>, Error>;

    /// How many of them there are.
    async fn count_sessions_ended_before(
        &self,
        tenant: TenantId,
        before: Timestamp,
    ) -> Result<i64, Error>;

    /// Those of them that still have an IP address or client info, the longest ended first.
    async fn list_clients_ended_before(
        &self,
        tenant: TenantId,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<SessionId>, Error>;

    /// Tenants after `after` that have set a retention, by id.
    async fn list_tenants_with_retention(
        &self,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error>;

    /// Tenants after `after` with users deleted before `before` of whom rows may be left, by id.
    async fn list_tenants_with_deletions(
        &self,
        before: Timestamp,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error>;

    /// Users deleted before `before` of whom rows may be left, by id.
    async fn list_deletions(
        &self,
        tenant: TenantId,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<UserId>, Error>;
}

/// Deletes a user: first a mark, after which nothing is written for the user, then all rows,
/// piece by piece. Again, it deletes what was left; side by side, each tells what it deleted
/// itself.
///
/// # Errors
/// [`NotFound`](crate::domain::rejection::Rejection::NotFound) for a user never heard of, and
/// what else keeps a write from being committed: the mark may stand by then.
pub async fn delete_user(
    writer: &writer::Handle,
    tenant: TenantId,
    user_id: UserId,
) -> Result<Receipt, Error> {
    let writer = writer.patient();
    let deleted = writer.submit(tenant, DeleteUser { user_id }).await?;
    let mut rows = BTreeMap::from([(USERS.name, i64::from(!deleted.already))]);
    rows.extend(USER_TABLES.iter().map(|table| (table.name, 0)));
    loop {
        match writer.submit(tenant, EraseRows { user_id }).await? {
            Erased::Rows(piece) => *rows.entry(piece.table).or_default() += piece.rows,
            Erased::Later => {}
            Erased::Nothing => break,
        }
    }
    Ok(Receipt {
        deleted_at: Some(deleted.at),
        rows,
    })
}

/// Deletes the sessions that ended before `before`, with their activities, and returns how many
/// it was. What was added up from them stays.
///
/// # Errors
/// What keeps a read or a write from being done. What was deleted by then stays so.
pub async fn purge_sessions(
    store: &Arc<dyn Store>,
    writer: &writer::Handle,
    tenant: TenantId,
    before: Timestamp,
) -> Result<usize, Error> {
    let writer = writer.patient();
    let mut purged = 0;
    let mut after = None;
    loop {
        let found = store
            .list_sessions_ended_before(tenant, before, after, PIECE)
            .await?;
        after = found.last().map(|(key, _)| *key);
        let last = found.len() < PIECE;
        let deletions = found.into_iter().map(|((_, session_id), user_id)| {
            let command = PurgeSession {
                user_id,
                session_id,
                before,
            };
            writer.submit(tenant, command)
        });
        let deleted: Vec<bool> = stream::iter(deletions)
            .buffer_unordered(PIECE)
            .try_collect()
            .await?;
        purged += deleted.into_iter().filter(|deleted| *deleted).count();
        if last {
            return Ok(purged);
        }
    }
}

/// Clears the IP address and client info of sessions that ended before `before`, and returns of
/// how many.
///
/// # Errors
/// As [`purge_sessions`].
pub async fn clear_clients(
    store: &Arc<dyn Store>,
    writer: &writer::Handle,
    tenant: TenantId,
    before: Timestamp,
) -> Result<usize, Error> {
    let writer = writer.patient();
    let mut cleared = 0;
    loop {
        let session_ids = store
            .list_clients_ended_before(tenant, before, PIECE)
            .await?;
        let found = session_ids.len();
        writer.submit(tenant, ClearClients { session_ids }).await?;
        cleared += found;
        if found < PIECE {
            return Ok(cleared);
        }
    }
}
