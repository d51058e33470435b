//! Reading what is forgotten, or told to whom it is about.

use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::{
    SqlStore,
    dialect::{Dialect, Query, Reader, get},
    fault::Fault,
    read::{count, tenant_id},
    rows::Rows,
    sessions, tenants,
    user_tables::{USER_TABLES, USERS},
    users,
};
use crate::{
    domain::{
        ids::{SessionId, TenantId, UserId},
        time::Timestamp,
    },
    store::{
        Error, Page, SessionKey,
        privacy::{PrivacyStore, Receipt},
    },
};

/// A row's place among all rows of a user.
#[derive(Clone, Debug)]
pub struct UserRowKey {
    /// Which table it is, `users` first.
    table: usize,
    /// The row's key; `None` is before the first.
    row: Option<Rows<'static>>,
}

#[async_trait]
impl<DB: Dialect> PrivacyStore for SqlStore<DB> {
    async fn count_user_rows(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<Receipt>, Error> {
        self.read(tenant, async move |mut tx| {
            let Some(deleted_at) = users::deleted_at::<DB>(&mut tx, tenant, user).await? else {
                return Ok(None);
            };
            let mut rows = BTreeMap::from([(USERS.name, i64::from(deleted_at.is_none()))]);
            for table in USER_TABLES {
                let found = table.count::<DB>(&mut tx, tenant, user, i64::MAX).await?;
                rows.insert(table.name, found);
            }
            Ok(Some(Receipt { deleted_at, rows }))
        })
        .await
    }

    async fn list_user_rows(
        &self,
        tenant: TenantId,
        user: UserId,
        after: Option<UserRowKey>,
        limit: usize,
    ) -> Result<Page<String, UserRowKey>, Error> {
        let after = after.unwrap_or(UserRowKey {
            table: 0,
            row: None,
        });
        self.bulk(tenant, move |mut tx| {
            let UserRowKey { table: index, row } = after.clone();
            async move {
                let mut tables = std::iter::once(&USERS).chain(USER_TABLES).skip(index);
                let Some(table) = tables.next() else {
                    return Ok(Page {
                        items: Vec::new(),
                        next: None,
                    });
                };
                let (items, last) = table
                    .lines::<DB>(&mut tx, tenant, user, row.as_ref(), count(limit))
                    .await?;
                let next = if items.len() < limit {
                    tables.next().map(|_| UserRowKey {
                        table: index + 1,
                        row: None,
                    })
                } else {
                    Some(UserRowKey {
                        table: index,
                        row: last,
                    })
                };
                Ok(Page { items, next })
            }
        })
        .await
    }

    async fn list_sessions_ended_before(
        &self,
        tenant: TenantId,
        before: Timestamp,
        after: Option<SessionKey>,
        limit: usize,
    ) -> Result<Vec<(SessionKey, UserId)>, Error> {
        self.read(tenant, async move |mut tx| {
            let first = (Timestamp::from_micros(0), SessionId(Uuid::nil()));
            let (started_at, id) = after.unwrap_or(first);
            let query = Query::<DB>::new(sessions::SELECT_SESSIONS_ENDED_BEFORE)
                .bind(tenant.uuid())
                .bind(before)
                .bind(started_at)
                .bind(id.0)
                .bind(count(limit));
            let rows = query.fetch(&mut tx).await?;
            let found = rows.iter().map(|row| {
                let id = SessionId(get::<DB, _>(row, "id")?);
                let user = UserId(get::<DB, _>(row, "user_id")?);
                Ok(((get::<DB, _>(row, "started_at")?, id), user))
            });
            found.collect()
        })
        .await
    }

    async fn count_sessions_ended_before(
        &self,
        tenant: TenantId,
        before: Timestamp,
    ) -> Result<i64, Error> {
        self.read(tenant, async move |mut tx| {
            let query = Query::<DB>::new(sessions::COUNT_SESSIONS_ENDED_BEFORE);
            let query = query.bind(tenant.uuid()).bind(before);
            let rows = query.fetch(&mut tx).await?;
            let counted = rows.first().map(|row| get::<DB, _>(row, "sessions"));
            Ok(counted.transpose()?.unwrap_or(0))
        })
        .await
    }

    async fn list_clients_ended_before(
        &self,
        tenant: TenantId,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<SessionId>, Error> {
        self.read(tenant, async move |mut tx| {
            let query = Query::<DB>::new(sessions::SELECT_CLIENTS_ENDED_BEFORE);
            let query = query.bind(tenant.uuid()).bind(before).bind(count(limit));
            let rows = query.fetch(&mut tx).await?;
            let ids = rows.iter();
            ids.map(|row| Ok(SessionId(get::<DB, _>(row, "id")?)))
                .collect()
        })
        .await
    }

    async fn list_tenants_with_retention(
        &self,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error> {
        self.read_as(Reader::Jobs, async move |mut tx| {
            let query = Query::<DB>::new(tenants::SELECT_TENANTS_WITH_RETENTION)
                .bind(after.map_or(Uuid::nil(), TenantId::uuid))
                .bind(count(limit));
            let rows = query.fetch(&mut tx).await?;
            let ids = rows.iter();
            ids.map(|row| Ok(tenant_id(get::<DB, _>(row, "tenant_id")?)))
                .collect::<Result<_, Fault>>()
        })
        .await
    }

    async fn list_tenants_with_deletions(
        &self,
        before: Timestamp,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error> {
        let sql = users::SELECT_TENANTS_WITH_DELETIONS;
        self.tenant_ids(sql, before, after, limit).await
    }

    async fn list_deletions(
        &self,
        tenant: TenantId,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<UserId>, Error> {
        self.read(tenant, async move |mut tx| {
            users::deletions::<DB>(&mut tx, tenant, before, count(limit)).await
        })
        .await
    }
}
