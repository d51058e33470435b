//! `session_events`: what happened to sessions, and up to where it was forgotten.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::Notify, time::sleep};
use tracing::warn;

use super::{
    SqlStore,
    codes::{Code, paused_at},
    dialect::{Dialect, Query, get},
    fault::Fault,
    read::count,
    rows::{Rows, RowsOf},
    sessions,
};
use crate::{
    domain::{
        event::{EventKind, EventPlace, SessionEvent},
        ids::{SessionId, TenantId, UserId},
        session::{Phase, SessionState},
        time::{Timestamp, micros},
    },
    store::{
        Error,
        events::{EventPage, EventStore, Rest, ToldEvent},
    },
};

/// How long after a failure other instances are told again.
const RELAY_AGAIN: Duration = Duration::from_secs(1);

pub const INSERT_EVENTS: &str = "
    INSERT INTO session_events (tenant_id, epoch, position, {columns})
    SELECT $1, {event_epoch}, {event_position}, {columns} FROM {rows} AS r WHERE {after}";

/// Up to where there may be events to come, and were some that are forgotten.
pub const SELECT_BOUNDS: &str = "
    SELECT here.epoch, here.horizon, t.position, t.number
    FROM (SELECT {event_epoch} AS epoch, {event_horizon} AS horizon) AS here
    LEFT JOIN session_event_trims t ON t.tenant_id = $1 AND t.epoch = here.epoch";

/// The last one of the epoch $2 below the horizon $3.
pub const SELECT_LAST_EVENT: &str = "
    SELECT epoch, position, number FROM session_events
    WHERE tenant_id = $1 AND epoch = $2 AND position < $3
    ORDER BY position DESC, number DESC
    LIMIT 1";

/// After the place $3 and $4 of the epoch $2.
pub const SELECT_EVENTS: &str = "
    SELECT epoch, position, number, user_id, session_id, started_at, kind, created_at, state,
        last_active_at, paused_at, ended_at, end_reason, duration_micros, points_earned, expires_at
    FROM session_events
    WHERE tenant_id = $1 AND epoch = $2 AND (position, number) > ($3, $4)";
pub const AND_OF_WATCHED: &str = " AND user_id = $?";
pub const IN_ORDER_OF_EVENTS: &str = " ORDER BY position, number LIMIT $?";

/// The first or the last is old: in one epoch what is old comes first, and another epoch's come
/// before or behind it.
pub const SELECT_TENANTS_WITH_OLD_EVENTS: &str = "
    SELECT t.tenant_id FROM tenants t
    WHERE t.tenant_id > $1 AND (
        (SELECT e.created_at FROM session_events e WHERE e.tenant_id = t.tenant_id
            ORDER BY e.epoch, e.position, e.number LIMIT 1) < $2
        OR (SELECT e.created_at FROM session_events e WHERE e.tenant_id = t.tenant_id
            ORDER BY e.epoch DESC, e.position DESC, e.number DESC LIMIT 1) < $2)
    ORDER BY t.tenant_id
    LIMIT $3";

pub const SELECT_OLD_EVENTS: &str = "
    SELECT epoch, position, number FROM (
        SELECT epoch, position, number, created_at FROM session_events WHERE tenant_id = $1
        ORDER BY epoch, position, number LIMIT $3) AS first
    WHERE created_at < $2
    UNION
    SELECT epoch, position, number FROM (
        SELECT epoch, position, number, created_at FROM session_events WHERE tenant_id = $1
        ORDER BY epoch DESC, position DESC, number DESC LIMIT $3) AS last
    WHERE created_at < $2";

pub const DELETE_EVENTS: &str = "
    DELETE FROM session_events
    WHERE tenant_id = $1 AND (epoch, position, number) IN (
        SELECT r.epoch, r.position, r.number FROM {rows} AS r)";

/// Never moved back by who is late.
pub const UPSERT_TRIMS: &str = "
    INSERT INTO session_event_trims (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE true
    ON CONFLICT (tenant_id, epoch)
        DO UPDATE SET position = excluded.position, number = excluded.number
        WHERE (excluded.position, excluded.number)
            > (session_event_trims.position, session_event_trims.number)";

/// The columns that [`INSERT_EVENTS`] reads.
pub fn columns(events: &[SessionEvent]) -> Rows<'static> {
    RowsOf::new((0_i64..).zip(events))
        .int("number", |(number, _)| number)
        .uuid("user_id", |(_, event)| event.user_id.0)
        .uuid("session_id", |(_, event)| event.session_id.0)
        .time("started_at", |(_, event)| event.started_at)
        .small("kind", |(_, event)| event.kind.code())
        .time("created_at", |(_, event)| event.at)
        .small("state", |(_, event)| state(event.phase).code())
        .time("last_active_at", |(_, event)| event.last_active_at)
        .time("paused_at", |(_, event)| paused_at(event.phase))
        .time("ended_at", |(_, event)| match event.phase {
            Phase::Ended { at, .. } => Some(at),
            _ => None,
        })
        .small("end_reason", |(_, event)| match event.phase {
            Phase::Ended { reason, .. } => Some(reason.code()),
            _ => None,
        })
        .int("duration_micros", |(_, event)| micros(event.duration))
        .int("points_earned", |(_, event)| event.points_earned)
        .time("expires_at", |(_, event)| event.expires_at)
        .done()
}

const fn state(phase: Phase) -> SessionState {
    match phase {
        Phase::Active => SessionState::Active,
        Phase::Paused { .. } => SessionState::Paused,
        Phase::Ended { .. } => SessionState::Ended,
    }
}

/// The columns by which a row is found, and a trim kept.
pub fn place_columns(places: impl IntoIterator<Item = EventPlace>) -> Rows<'static> {
    RowsOf::new(places)
        .int("epoch", |place| place.epoch)
        .int("position", |place| place.position)
        .int("number", |place| place.number)
        .done()
}

fn place<DB: Dialect>(row: &DB::Row) -> Result<EventPlace, Fault> {
    Ok(EventPlace {
        epoch: get::<DB, _>(row, "epoch")?,
        position: get::<DB, _>(row, "position")?,
        number: get::<DB, _>(row, "number")?,
    })
}

fn event<DB: Dialect>(row: &DB::Row) -> Result<(EventPlace, SessionEvent), Fault> {
    let corrupt = |column| Fault::Corrupt {
        table: "session_events",
        column,
    };
    let kind = EventKind::from_code(get::<DB, _>(row, "kind")?);
    let duration: i64 = get::<DB, _>(row, "duration_micros")?;
    let event = SessionEvent {
        kind: kind.ok_or_else(|| corrupt("kind"))?,
        session_id: SessionId(get::<DB, _>(row, "session_id")?),
        user_id: UserId(get::<DB, _>(row, "user_id")?),
        started_at: get::<DB, _>(row, "started_at")?,
        at: get::<DB, _>(row, "created_at")?,
        phase: sessions::phase::<DB>(row, "session_events")?,
        last_active_at: get::<DB, _>(row, "last_active_at")?,
        points_earned: get::<DB, _>(row, "points_earned")?,
        duration: Duration::from_micros(duration.unsigned_abs()),
        expires_at: get::<DB, _>(row, "expires_at")?,
    };
    Ok((place::<DB>(row)?, event))
}

/// What is known in one snapshot.
struct Bounds {
    epoch: i64,
    horizon: i64,
    /// The last place that was forgotten.
    trimmed: Option<EventPlace>,
}

async fn bounds<DB: Dialect>(conn: &mut DB::Connection, tenant: TenantId) -> Result<Bounds, Fault> {
    let query = Query::<DB>::new(SELECT_BOUNDS).bind(tenant.uuid());
    let rows = query.fetch(conn).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    let epoch = get::<DB, _>(row, "epoch")?;
    let position: Option<i64> = get::<DB, _>(row, "position")?;
    let number: Option<i64> = get::<DB, _>(row, "number")?;
    Ok(Bounds {
        epoch,
        horizon: get::<DB, _>(row, "horizon")?,
        trimmed: position.zip(number).map(|(position, number)| EventPlace {
            epoch,
            position,
            number,
        }),
    })
}

/// The latest place that can be told.
async fn latest<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    bounds: &Bounds,
) -> Result<EventPlace, Fault> {
    let query = Query::<DB>::new(SELECT_LAST_EVENT).bind(tenant.uuid());
    let query = query.bind(bounds.epoch).bind(bounds.horizon);
    let rows = query.fetch(conn).await?;
    let last = rows.first().map(place::<DB>).transpose()?;
    let before_all = EventPlace {
        epoch: bounds.epoch,
        position: 0,
        number: 0,
    };
    Ok(last.max(bounds.trimmed).unwrap_or(before_all))
}

async fn page<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    user: Option<UserId>,
    after: Option<EventPlace>,
    limit: usize,
) -> Result<Option<EventPage>, Fault> {
    let bounds = bounds::<DB>(conn, tenant).await?;
    let Some(after) = after else {
        return Ok(Some(EventPage {
            events: Vec::new(),
            upto: latest::<DB>(conn, tenant, &bounds).await?,
            rest: Rest::Nothing,
        }));
    };
    let is_known = after.epoch == bounds.epoch && after.position < bounds.horizon;
    if !is_known || bounds.trimmed.is_some_and(|trimmed| after < trimmed) {
        return Ok(None);
    }
    let query = Query::<DB>::new(SELECT_EVENTS)
        .bind(tenant.uuid())
        .bind(after.epoch)
        .bind(after.position)
        .bind(after.number)
        .and_if(AND_OF_WATCHED, user.map(|user| user.0))
        .and_if(IN_ORDER_OF_EVENTS, Some(count(limit)));
    let rows = query.fetch(conn).await?;
    let found = rows.iter().map(event::<DB>);
    let mut found = found.collect::<Result<Vec<_>, _>>()?;
    let is_full = found.len() == limit;
    let known = found.partition_point(|(place, _)| place.position < bounds.horizon);
    let rest = if known < found.len() {
        Rest::HeldBack
    } else if is_full {
        Rest::More
    } else {
        Rest::Nothing
    };
    found.truncate(known);
    Ok(Some(EventPage {
        upto: found.last().map_or(after, |(place, _)| *place),
        events: told::<DB>(conn, tenant, found).await?,
        rest,
    }))
}

/// The events with their sessions, but for those whose session is deleted.
async fn told<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    events: Vec<(EventPlace, SessionEvent)>,
) -> Result<Vec<ToldEvent>, Fault> {
    let ids: BTreeSet<_> = events.iter().map(|(_, event)| event.session_id.0).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sessions::by_ids::<DB>(conn, tenant, sessions::AND_IDS, ids).await?;
    let sessions: BTreeMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    let told = events.into_iter().filter_map(|(place, event)| {
        let session = sessions.get(&event.session_id);
        let session = session.filter(|session| event.is_of(session))?;
        Some(ToldEvent {
            place,
            kind: event.kind,
            at: event.at,
            view: event.view(session.clone()),
        })
    });
    Ok(told.collect())
}

/// Deletes events, and keeps in mind up to where.
pub async fn forget<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    places: &BTreeSet<EventPlace>,
) -> Result<(), Fault> {
    if places.is_empty() {
        return Ok(());
    }
    let rows = place_columns(places.iter().copied());
    let delete = Query::<DB>::new(DELETE_EVENTS).bind(tenant.uuid());
    delete.rows(&rows).execute(conn).await?;
    let last: BTreeMap<_, _> = places.iter().map(|place| (place.epoch, *place)).collect();
    let upsert = Query::<DB>::new(UPSERT_TRIMS).bind(tenant.uuid());
    let rows = place_columns(last.into_values());
    upsert.rows(&rows).execute(conn).await?;
    Ok(())
}

#[async_trait]
impl<DB: Dialect> EventStore for SqlStore<DB> {
    async fn list_events(
        &self,
        tenant: TenantId,
        user: Option<UserId>,
        after: Option<EventPlace>,
        limit: usize,
    ) -> Result<Option<EventPage>, Error> {
        self.read(tenant, async move |mut tx| {
            page::<DB>(&mut tx, tenant, user, after, limit).await
        })
        .await
    }

    async fn list_tenants_with_events_before(
        &self,
        time: Timestamp,
        after: Option<TenantId>,
        limit: usize,
    ) -> Result<Vec<TenantId>, Error> {
        self.tenant_ids(SELECT_TENANTS_WITH_OLD_EVENTS, time, after, limit)
            .await
    }

    async fn list_events_before(
        &self,
        tenant: TenantId,
        time: Timestamp,
        limit: usize,
    ) -> Result<Vec<EventPlace>, Error> {
        self.read(tenant, async move |mut tx| {
            let query = Query::<DB>::new(SELECT_OLD_EVENTS)
                .bind(tenant.uuid())
                .bind(time)
                .bind(count(limit));
            let rows = query.fetch(&mut tx).await?;
            rows.iter().map(place::<DB>).collect()
        })
        .await
    }

    fn event_wake(&self, tenant: TenantId) -> Arc<Notify> {
        self.wakes.of(tenant)
    }

    async fn relay_wakes(&self) {
        loop {
            if let Err(error) = DB::relay(self.pools.readers(), &self.wakes).await {
                let reason = Fault::from(error).reason::<DB>();
                warn!(reason, "events of other instances are late");
            }
            sleep(RELAY_AGAIN).await;
        }
    }
}
