//! `points_outbox`: awards until they are delivered.
//!
//! Two things keep a user's line moving. A row is put to wait behind its head only while the
//! head is locked, and whoever takes the head away has the next one looked at afterwards, in a
//! statement of its own: so it sees every row that was put to wait.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{
    SqlStore,
    codes::Code,
    dialect::{Dialect, Query, get},
    fault::Fault,
    rows::{Rows, RowsOf},
};
use crate::{
    domain::{
        ids::{TenantId, UserId},
        points::award::{Award, ReferenceType},
        time::Timestamp,
    },
    store::{
        Error,
        points::{Claim, Claims, Outcome, PointsStore},
    },
};

/// Rows that one claim looks at.
const LOOKED_AT: usize = 100;

/// One that is there already stays as it is, and counts as written: an id that was used again
/// after its session was deleted must not keep the new one from ending.
pub const INSERT_AWARDS: &str = "
    INSERT INTO points_outbox (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT (tenant_id, reference_type, reference_id)
        DO UPDATE SET points = points_outbox.points";

pub const SELECT_TENANTS_WITH_POINTS: &str = "
    SELECT t.tenant_id FROM tenants t
    WHERE t.tenant_id > $1 AND EXISTS (
        SELECT 1 FROM points_outbox o WHERE o.tenant_id = t.tenant_id AND o.due_at <= $2)
    ORDER BY t.tenant_id
    LIMIT $3";

pub const SELECT_DUE_AWARDS: &str = "
    SELECT user_id, position FROM points_outbox
    WHERE tenant_id = $1 AND due_at <= $2
    ORDER BY due_at
    LIMIT $3";

/// The heads of users' lines, locked; those that somebody else has locked are left out.
pub const LOCK_HEADS: &str = "
    SELECT o.user_id, o.position, o.reference_type, o.reference_id, o.points, o.created_at,
        o.due_at, o.attempts, o.first_attempt_at
    FROM (SELECT r.user_id, (
            SELECT h.position FROM points_outbox h
            WHERE h.tenant_id = $1 AND h.user_id = r.user_id AND h.set_aside_at IS NULL
            ORDER BY h.position LIMIT 1) AS position
        FROM {rows} AS r) AS first
    JOIN points_outbox o
        ON o.tenant_id = $1 AND o.user_id = first.user_id AND o.position = first.position
    WHERE o.set_aside_at IS NULL
    {skip_locked}";

pub const LEASE_AWARDS: &str = "
    UPDATE points_outbox AS o
    SET due_at = $3, attempts = attempts + 1, first_attempt_at = COALESCE(first_attempt_at, $2)
    FROM {rows} AS r
    WHERE o.tenant_id = $1 AND o.user_id = r.user_id AND o.position = r.position";

/// $2 the time.
pub const PUT_TO_WAIT: &str = "
    UPDATE points_outbox AS o SET due_at = NULL
    FROM {rows} AS r
    WHERE o.tenant_id = $1 AND o.user_id = r.user_id AND o.position = r.position
        AND o.due_at <= $2";

pub const DELETE_DELIVERED: &str = "
    DELETE FROM points_outbox
    WHERE tenant_id = $1 AND (user_id, position) IN (SELECT r.user_id, r.position FROM {rows} AS r)";

/// $2 the time.
pub const WRITE_FAILED: &str = "
    UPDATE points_outbox AS o
    SET due_at = r.again_at, set_aside_at = CASE
        WHEN r.again_at IS NULL THEN $2 ELSE o.set_aside_at END
    FROM {rows} AS r
    WHERE o.tenant_id = $1 AND o.user_id = r.user_id AND o.position = r.position
        AND o.due_at = r.leased_until";

/// The first of each line that waits there, if the one before it is gone.
pub const CALL_NEXT: &str = "
    UPDATE points_outbox AS o SET due_at = $2
    FROM (SELECT r.user_id, (
            SELECT h.position FROM points_outbox h
            WHERE h.tenant_id = $1 AND h.user_id = r.user_id AND h.set_aside_at IS NULL
            ORDER BY h.position LIMIT 1) AS position
        FROM {rows} AS r) AS first
    WHERE o.tenant_id = $1 AND o.user_id = first.user_id AND o.position = first.position
        AND o.due_at IS NULL AND o.set_aside_at IS NULL";

/// The oldest of all is the head of its line, and never waits behind another one.
pub const SELECT_OLDEST_AWARD: &str = "
    SELECT MIN(created_at) AS oldest FROM points_outbox
    WHERE tenant_id = $1 AND due_at IS NOT NULL";

impl Code for ReferenceType {
    const ALL: &'static [(Self, i16)] = &[(Self::Session, 1), (Self::Activity, 2)];
}

/// The columns that [`INSERT_AWARDS`] reads.
pub fn columns(awards: &[Award]) -> Rows<'static> {
    RowsOf::new(awards.iter().copied())
        .uuid("user_id", |award| award.user_id.0)
        .small("reference_type", |award| award.reference_type.code())
        .uuid("reference_id", |award| award.reference_id)
        .int("points", |award| award.points)
        .time("created_at", |award| award.earned_at)
        .time("due_at", |award| award.earned_at)
        .done()
}

/// The columns that [`LOCK_HEADS`] and [`CALL_NEXT`] read.
pub fn user_columns(users: impl IntoIterator<Item = UserId>) -> Rows<'static> {
    RowsOf::new(users).uuid("user_id", |user| user.0).done()
}

/// The columns by which a row is found.
pub fn key_columns(keys: impl IntoIterator<Item = Place>) -> Rows<'static> {
    RowsOf::new(keys)
        .uuid("user_id", |(user, _)| user.0)
        .int("position", |(_, position)| position)
        .done()
}

/// The columns that [`WRITE_FAILED`] reads; set aside where there is no time.
pub fn failed_columns<'a>(
    failed: impl IntoIterator<Item = (&'a Claim, Option<Timestamp>)>,
) -> Rows<'static> {
    RowsOf::new(failed)
        .uuid("user_id", |(claim, _)| claim.award.user_id.0)
        .int("position", |(claim, _)| claim.position)
        .time("leased_until", |(claim, _)| claim.leased_until)
        .time("again_at", |(_, again_at)| again_at)
        .done()
}

/// A row's place in its user's line.
pub type Place = (UserId, i64);

/// The head of a line, as it stands.
struct Head {
    claim: Claim,
    due_at: Option<Timestamp>,
}

/// Claims what is due, and puts to wait what is behind a head.
async fn claim<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    limit: usize,
    now: Timestamp,
    leased_until: Timestamp,
) -> Result<Claims, Fault> {
    let due = due::<DB>(conn, tenant, now).await?;
    let users: BTreeSet<_> = due.iter().map(|(user, _)| *user).collect();
    let mut heads = lock_heads::<DB>(conn, tenant, users, now, leased_until).await?;
    let behind = due.iter().copied().filter(|(user, position)| {
        let head = heads.get(user);
        head.is_some_and(|head| head.claim.position < *position)
    });
    let behind = key_columns(behind);
    let mut claims = Vec::new();
    for (user, _) in &due {
        let head = heads.remove(user).filter(|_| claims.len() < limit);
        let head = head.filter(|head| head.due_at.is_some_and(|due_at| due_at <= now));
        claims.extend(head.map(|head| head.claim));
    }
    let more = due.len() == LOOKED_AT && claims.len() + behind.len() > 0;
    let more = more || claims.len() == limit;
    let put = Query::<DB>::new(PUT_TO_WAIT).bind(tenant.uuid()).bind(now);
    write(conn, put, &behind).await?;
    let lease = Query::<DB>::new(LEASE_AWARDS).bind(tenant.uuid()).bind(now);
    let keys = key_columns(claims.iter().map(place));
    write(conn, lease.bind(leased_until), &keys).await?;
    Ok(Claims { claims, more })
}

async fn write<DB: Dialect>(
    conn: &mut DB::Connection,
    query: Query<DB>,
    rows: &Rows<'_>,
) -> Result<(), Fault> {
    if rows.len() > 0 {
        query.rows(rows).execute(conn).await?;
    }
    Ok(())
}

fn place(claim: &Claim) -> Place {
    (claim.award.user_id, claim.position)
}

/// The rows to look at, the longest due first.
async fn due<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    now: Timestamp,
) -> Result<Vec<Place>, Fault> {
    let query = Query::<DB>::new(SELECT_DUE_AWARDS)
        .bind(tenant.uuid())
        .bind(now)
        .bind(i64::try_from(LOOKED_AT).unwrap_or(i64::MAX));
    let rows = query.fetch(conn).await?;
    rows.iter()
        .map(|row| {
            let user = UserId(get::<DB, _>(row, "user_id")?);
            Ok((user, get::<DB, _>(row, "position")?))
        })
        .collect()
}

async fn lock_heads<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    users: BTreeSet<UserId>,
    now: Timestamp,
    leased_until: Timestamp,
) -> Result<BTreeMap<UserId, Head>, Fault> {
    let query = Query::<DB>::new(LOCK_HEADS).bind(tenant.uuid());
    let rows = query.rows(&user_columns(users)).fetch(conn).await?;
    let heads = rows.iter().map(|row| {
        let head = head::<DB>(row, now, leased_until)?;
        Ok((head.claim.award.user_id, head))
    });
    heads.collect()
}

/// As it is once it is claimed at `now`.
fn head<DB: Dialect>(
    row: &DB::Row,
    now: Timestamp,
    leased_until: Timestamp,
) -> Result<Head, Fault> {
    let corrupt = |column| Fault::Corrupt {
        table: "points_outbox",
        column,
    };
    let kind = ReferenceType::from_code(get::<DB, _>(row, "reference_type")?);
    let attempts = u32::try_from(get::<DB, i64>(row, "attempts")?);
    let award = Award {
        user_id: UserId(get::<DB, _>(row, "user_id")?),
        points: get::<DB, _>(row, "points")?,
        reference_type: kind.ok_or_else(|| corrupt("reference_type"))?,
        reference_id: get::<DB, _>(row, "reference_id")?,
        earned_at: get::<DB, _>(row, "created_at")?,
    };
    let first: Option<Timestamp> = get::<DB, _>(row, "first_attempt_at")?;
    Ok(Head {
        claim: Claim {
            award,
            position: get::<DB, _>(row, "position")?,
            attempts: attempts.map_err(|_| corrupt("attempts"))?.saturating_add(1),
            first_attempt_at: first.unwrap_or(now),
            leased_until,
        },
        due_at: get::<DB, _>(row, "due_at")?,
    })
}

async fn settle<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    outcomes: &[(Claim, Outcome)],
    now: Timestamp,
) -> Result<(), Fault> {
    let delivered = outcomes
        .iter()
        .filter_map(|(claim, outcome)| match outcome {
            Outcome::Delivered => Some(place(claim)),
            _ => None,
        });
    let failed = outcomes
        .iter()
        .filter_map(|(claim, outcome)| match outcome {
            Outcome::Delivered => None,
            Outcome::Failed { again_at } => Some((claim, Some(*again_at))),
            Outcome::SetAside => Some((claim, None)),
        });
    let users: BTreeSet<_> = outcomes
        .iter()
        .map(|(claim, _)| claim.award.user_id)
        .collect();
    let delete = Query::<DB>::new(DELETE_DELIVERED).bind(tenant.uuid());
    write(conn, delete, &key_columns(delivered)).await?;
    let fail = Query::<DB>::new(WRITE_FAILED).bind(tenant.uuid()).bind(now);
    write(conn, fail, &failed_columns(failed)).await?;
    let call = Query::<DB>::new(CALL_NEXT).bind(tenant.uuid()).bind(now);
    write(conn, call, &user_columns(users)).await
}

#[async_trait]
impl<DB: Dialect> PointsStore for SqlStore<DB> {
    async fn list_tenants_with_points(
        &self,
        now: Timestamp,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error> {
        let sql = SELECT_TENANTS_WITH_POINTS;
        self.tenant_ids(sql, now, after, limit).await
    }

    async fn claim_points(
        &self,
        tenant: TenantId,
        limit: usize,
        now: Timestamp,
        leased_until: Timestamp,
    ) -> Result<Claims, Error> {
        self.detached(async move |me: Self| {
            let mut tx = me.pools.write(&BTreeMap::from([(tenant, false)])).await?;
            let claims = claim::<DB>(&mut tx, tenant, limit, now, leased_until).await?;
            tx.commit().await?;
            Ok(claims)
        })
        .await
    }

    async fn settle_points(
        &self,
        tenant: TenantId,
        outcomes: Vec<(Claim, Outcome)>,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.detached(async move |me: Self| {
            let mut tx = me.pools.write(&BTreeMap::from([(tenant, false)])).await?;
            settle::<DB>(&mut tx, tenant, &outcomes, now).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    async fn oldest_points(&self, tenant: TenantId) -> Result<Option<Timestamp>, Error> {
        self.read(tenant, async move |mut tx| {
            let query = Query::<DB>::new(SELECT_OLDEST_AWARD).bind(tenant.uuid());
            let rows = query.fetch(&mut tx).await?;
            let oldest = rows.first().map(|row| get::<DB, _>(row, "oldest"));
            Ok(oldest.transpose()?.flatten())
        })
        .await
    }
}
