//! `session_activities`.

use uuid::Uuid;

use super::{
    dialect::{Dialect, Query, get},
    fault::Fault,
    rows::{Rows, RowsOf},
    sessions::{fingerprint, metadata},
};
use crate::domain::{
    activity::{Activity, ActivityDetails},
    ids::{ActivityId, SessionId, TenantId, UserId},
    time::Timestamp,
};

pub const SELECT_ACTIVITIES_BY_ID: &str = "
    SELECT id, session_id, user_id, activity_type, content_type, content_id, started_at,
        ended_at, items_completed, items_correct, points_earned, metadata, fingerprint, created_at
    FROM session_activities
    WHERE tenant_id = $1 AND id {ids}";

/// $3 and $4 the row before the page.
pub const SELECT_ACTIVITIES_BY_SESSION: &str = "
    SELECT id, session_id, user_id, activity_type, content_type, content_id, started_at,
        ended_at, items_completed, items_correct, points_earned, metadata, fingerprint, created_at
    FROM session_activities
    WHERE tenant_id = $1 AND session_id = $2 AND (started_at, id) > ($3, $4)
    ORDER BY started_at, id
    LIMIT $5";

pub const INSERT_ACTIVITIES: &str = "
    INSERT INTO session_activities (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT DO NOTHING";

pub async fn by_ids<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ids: impl IntoIterator<Item = ActivityId>,
) -> Result<Vec<Activity>, Fault> {
    let query = Query::<DB>::new(SELECT_ACTIVITIES_BY_ID)
        .bind(tenant.uuid())
        .ids(ids.into_iter().map(|id| id.0));
    let rows = query.fetch(conn).await?;
    rows.iter().map(activity::<DB>).collect()
}

/// A session's activities, oldest first, after the given one.
pub async fn by_session<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    session: SessionId,
    after: Option<(Timestamp, ActivityId)>,
    limit: i64,
) -> Result<Vec<Activity>, Fault> {
    let first = (Timestamp::from_micros(0), Uuid::nil());
    let (time, id) = after.map_or(first, |(time, id)| (time, id.0));
    let query = Query::<DB>::new(SELECT_ACTIVITIES_BY_SESSION)
        .bind(tenant.uuid())
        .bind(session.0)
        .bind(time)
        .bind(id)
        .bind(limit);
    let rows = query.fetch(conn).await?;
    rows.iter().map(activity::<DB>).collect()
}

/// The columns that [`INSERT_ACTIVITIES`] reads.
pub fn columns<'a>(activities: impl IntoIterator<Item = &'a Activity>) -> Rows<'a> {
    RowsOf::new(activities)
        .uuid("id", |activity| activity.id.0)
        .uuid("session_id", |activity| activity.session_id.0)
        .uuid("user_id", |activity| activity.user_id.0)
        .text("activity_type", |activity| &*activity.details.activity_type)
        .text("content_type", |activity| &*activity.details.content_type)
        .text("content_id", |activity| &*activity.details.content_id)
        .time("started_at", |activity| activity.started_at)
        .time("ended_at", |activity| activity.ended_at)
        .int("items_completed", |activity| {
            activity.details.items_completed
        })
        .int("items_correct", |activity| activity.details.items_correct)
        .int("points_earned", |activity| activity.points_earned)
        .json("metadata", |activity| activity.details.metadata.as_deref())
        .bytes("fingerprint", |activity| {
            activity
                .fingerprint
                .as_ref()
                .map(|print| print.0.as_slice())
        })
        .time("created_at", |activity| activity.created_at)
        .done()
}

fn activity<DB: Dialect>(row: &DB::Row) -> Result<Activity, Fault> {
    Ok(Activity {
        id: ActivityId(get::<DB, _>(row, "id")?),
        session_id: SessionId(get::<DB, _>(row, "session_id")?),
        user_id: UserId(get::<DB, _>(row, "user_id")?),
        details: ActivityDetails {
            activity_type: get::<DB, _>(row, "activity_type")?,
            content_type: get::<DB, _>(row, "content_type")?,
            content_id: get::<DB, _>(row, "content_id")?,
            items_completed: get::<DB, _>(row, "items_completed")?,
            items_correct: get::<DB, _>(row, "items_correct")?,
            metadata: metadata::<DB>(row)?,
        },
        started_at: get::<DB, _>(row, "started_at")?,
        ended_at: get::<DB, _>(row, "ended_at")?,
        points_earned: get::<DB, _>(row, "points_earned")?,
        fingerprint: fingerprint::<DB>(row, "session_activities")?,
        created_at: get::<DB, _>(row, "created_at")?,
    })
}
