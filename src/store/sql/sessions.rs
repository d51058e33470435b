//! `user_sessions`: rows and how they are written. Pages and sums are in [`super::listing`].

use std::{net::IpAddr, sync::Arc};

use serde_json::value::RawValue;
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    codes::{Code, paused_at},
    dialect::{Dialect, Query, get},
    fault::Fault,
    rows::{Rows, RowsOf},
};
use crate::domain::{
    calendar::{Span, seconds},
    fingerprint::Fingerprint,
    ids::{SessionId, TenantId, UserId},
    session::{
        CompletionStatus, EndReason, Phase, Session, SessionContext, SessionResult, SessionReview,
        SessionState, Subject,
    },
    time::Timestamp,
};

/// Before a predicate on sessions.
pub const SELECT_SESSIONS: &str = "
    SELECT id, user_id, session_type, client_type, client_info, ip_address, subject_type,
        subject_id, subject_name, focus_mode, location, metadata, state, started_at, start_date,
        last_active_at, paused_at, pauses, ended_at, end_reason, completion_status, notes,
        mood_rating, productivity_rating, result, items_correct, points_earned, sweep_at,
        fingerprint, created_at, updated_at
    FROM user_sessions
    WHERE tenant_id = $1";

pub const AND_ID: &str = " AND id = $2";
pub const AND_IDS: &str = " AND id {ids}";
pub const AND_OPEN_OF_USERS: &str = " AND user_id {ids} AND state < 3";

/// Those that the sweep is due to look at by $2; whatever is over by then is among them.
pub const AND_DUE: &str = " AND state < 3 AND sweep_at <= $2";

pub const SELECT_OWNERS: &str = "
    SELECT id, user_id FROM user_sessions WHERE tenant_id = $1 AND id {ids}";

pub const SELECT_SESSIONS_TO_SWEEP: &str = "
    SELECT id, user_id FROM user_sessions
    WHERE tenant_id = $1 AND state < 3 AND sweep_at <= $2
    ORDER BY sweep_at
    LIMIT $3";

pub const SELECT_TENANTS_TO_SWEEP: &str = "
    SELECT t.tenant_id FROM tenants t
    WHERE t.tenant_id > $1 AND EXISTS (
        SELECT 1 FROM user_sessions s
        WHERE s.tenant_id = t.tenant_id AND s.state < 3 AND s.sweep_at <= $2)
    ORDER BY t.tenant_id
    LIMIT $3";

pub const INSERT_SESSIONS: &str = "
    INSERT INTO user_sessions (tenant_id, {columns})
    SELECT $1, {columns} FROM {rows} AS r WHERE {after}
    ON CONFLICT DO NOTHING";

pub const UPDATE_SESSIONS: &str = "
    UPDATE user_sessions SET state = r.state, last_active_at = r.last_active_at,
        paused_at = r.paused_at, pauses = r.pauses, ended_at = r.ended_at,
        end_reason = r.end_reason, duration_seconds = r.duration_seconds,
        completion_status = r.completion_status, notes = r.notes, mood_rating = r.mood_rating,
        productivity_rating = r.productivity_rating, result = r.result,
        items_correct = r.items_correct, points_earned = r.points_earned,
        sweep_at = r.sweep_at, updated_at = r.updated_at
    FROM {rows} AS r
    WHERE user_sessions.tenant_id = $1 AND user_sessions.id = r.id AND {after}";

/// New settings may make sessions be over earlier than the sweep would look at them.
pub const SWEEP_ALL_NOW: &str = "
    UPDATE user_sessions SET sweep_at = $2
    WHERE tenant_id = $1 AND state < 3 AND (sweep_at IS NULL OR sweep_at > $2)";

/// Ended before $2, after the row with $3 and $4: the oldest first. No session ends before its
/// start, so the index of starts finds them, and passes over those alone that went on at $2.
pub const SELECT_SESSIONS_ENDED_BEFORE: &str = "
    SELECT id, user_id, started_at FROM user_sessions
    WHERE tenant_id = $1 AND state = 3 AND ended_at < $2 AND started_at < $2
        AND (started_at, id) > ($3, $4)
    ORDER BY started_at, id
    LIMIT $5";

pub const COUNT_SESSIONS_ENDED_BEFORE: &str = "
    SELECT COUNT(*) AS sessions FROM user_sessions
    WHERE tenant_id = $1 AND state = 3 AND ended_at < $2 AND started_at < $2";

pub const SELECT_CLIENTS_ENDED_BEFORE: &str = "
    SELECT id FROM user_sessions
    WHERE tenant_id = $1 AND state = 3 AND (ip_address IS NOT NULL OR client_info <> '')
        AND ended_at < $2
    ORDER BY ended_at
    LIMIT $3";

pub const DELETE_ACTIVITIES: &str = "
    DELETE FROM session_activities WHERE tenant_id = $1 AND session_id {ids}";

pub const DELETE_SESSIONS: &str = "
    DELETE FROM user_sessions WHERE tenant_id = $1 AND state = 3 AND id {ids}";

/// The fingerprint of the start tells whether it was this address and client: so it goes too.
pub const CLEAR_CLIENTS: &str = "
    UPDATE user_sessions SET ip_address = NULL, client_info = '', fingerprint = NULL
    WHERE tenant_id = $1 AND state = 3 AND id {ids}";

pub async fn find<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    id: SessionId,
) -> Result<Option<Session>, Fault> {
    let query = Query::<DB>::new(&[SELECT_SESSIONS, AND_ID].concat());
    let rows = query.bind(tenant.uuid()).bind(id.0).fetch(conn).await?;
    rows.first().map(session::<DB>).transpose()
}

/// Sessions by [`AND_IDS`], or those of users by [`AND_OPEN_OF_USERS`].
pub async fn by_ids<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    predicate: &str,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Session>, Fault> {
    let query = Query::<DB>::new(&[SELECT_SESSIONS, predicate].concat());
    let rows = query.bind(tenant.uuid()).ids(ids).fetch(conn).await?;
    rows.iter().map(session::<DB>).collect()
}

pub async fn owners<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    ids: &[SessionId],
) -> Result<Vec<(SessionId, UserId)>, Fault> {
    let query = Query::<DB>::new(SELECT_OWNERS)
        .bind(tenant.uuid())
        .ids(ids.iter().map(|id| id.0));
    let rows = query.fetch(conn).await?;
    rows.iter().map(owner::<DB>).collect()
}

/// Open sessions that the sweep is to look at by `now`, the longest due first.
pub async fn to_sweep<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(SessionId, UserId)>, Fault> {
    let query = Query::<DB>::new(SELECT_SESSIONS_TO_SWEEP)
        .bind(tenant.uuid())
        .bind(now)
        .bind(limit);
    let rows = query.fetch(conn).await?;
    rows.iter().map(owner::<DB>).collect()
}

/// The columns that [`INSERT_SESSIONS`] reads.
pub fn columns<'a>(sessions: impl IntoIterator<Item = &'a Session>) -> Rows<'a> {
    changing(RowsOf::new(sessions))
        .uuid("user_id", |session| session.user_id.0)
        .text("session_type", |session| &*session.context.session_type)
        .text("client_type", |session| &*session.context.client_type)
        .text("client_info", |session| &*session.context.client_info)
        .optional_text("ip_address", |session| {
            session
                .context
                .ip_address
                .map(|address| address.to_string())
        })
        .optional_text("subject_type", |session| {
            session
                .context
                .subject
                .as_ref()
                .map(|subject| &*subject.kind)
        })
        .optional_text("subject_id", |session| {
            session.context.subject.as_ref().map(|subject| &*subject.id)
        })
        .optional_text("subject_name", |session| {
            session
                .context
                .subject
                .as_ref()
                .map(|subject| &*subject.name)
        })
        .bool("focus_mode", |session| session.context.focus_mode)
        .text("location", |session| &*session.context.location)
        .json("metadata", |session| session.context.metadata.as_deref())
        .time("started_at", |session| session.started_at)
        .date("start_date", |session| session.start_date)
        .bytes("fingerprint", |session| {
            session.fingerprint.as_ref().map(|print| print.0.as_slice())
        })
        .time("created_at", |session| session.created_at)
        .done()
}

/// The columns that [`UPDATE_SESSIONS`] reads.
pub fn changing_columns<'a>(sessions: impl IntoIterator<Item = &'a Session>) -> Rows<'a> {
    changing(RowsOf::new(sessions)).done()
}

/// What may change in a session's life.
fn changing<'a>(rows: RowsOf<'a, &'a Session>) -> RowsOf<'a, &'a Session> {
    rows.uuid("id", |session| session.id.0)
        .small("state", |session| session.state().code())
        .time("last_active_at", |session| session.last_active_at)
        .time("paused_at", |session| paused_at(session.phase))
        .json("pauses", |session| Some(pauses_json(&session.pauses)))
        .time("ended_at", Session::ended_at)
        .small("end_reason", |session| session.end_reason().map(Code::code))
        .int("duration_seconds", |session| {
            session
                .ended_at()
                .map_or(0, |end| seconds(session.duration(end)))
        })
        .small("completion_status", |session| {
            session.review.completion.map(Code::code)
        })
        .text("notes", |session| &*session.review.notes)
        .small("mood_rating", |session| {
            session.review.mood_rating.map(i16::from)
        })
        .small("productivity_rating", |session| {
            session.review.productivity_rating.map(i16::from)
        })
        .json("result", |session| {
            let result = session.review.result.as_ref()?;
            serde_json::to_string(result).ok()
        })
        .int("items_correct", |session| session.items_correct)
        .int("points_earned", |session| session.points_earned)
        .time("sweep_at", |session| session.sweep_at)
        .time("updated_at", |session| session.updated_at)
}

pub fn session<DB: Dialect>(row: &DB::Row) -> Result<Session, Fault> {
    Ok(Session {
        id: SessionId(get::<DB, _>(row, "id")?),
        user_id: UserId(get::<DB, _>(row, "user_id")?),
        context: context::<DB>(row)?,
        phase: phase::<DB>(row, "user_sessions")?,
        started_at: get::<DB, _>(row, "started_at")?,
        start_date: get::<DB, _>(row, "start_date")?,
        last_active_at: get::<DB, _>(row, "last_active_at")?,
        pauses: pauses::<DB>(row)?,
        review: review::<DB>(row)?,
        items_correct: get::<DB, _>(row, "items_correct")?,
        points_earned: get::<DB, _>(row, "points_earned")?,
        sweep_at: get::<DB, _>(row, "sweep_at")?,
        fingerprint: fingerprint::<DB>(row, "user_sessions")?,
        created_at: get::<DB, _>(row, "created_at")?,
        updated_at: get::<DB, _>(row, "updated_at")?,
    })
}

/// The column `fingerprint` of any table.
pub fn fingerprint<DB: Dialect>(
    row: &DB::Row,
    table: &'static str,
) -> Result<Option<Fingerprint>, Fault> {
    let bytes: Option<Vec<u8>> = get::<DB, _>(row, "fingerprint")?;
    let print = bytes.map(|bytes| bytes.try_into().map(Fingerprint));
    print.transpose().map_err(|_| Fault::Corrupt {
        table,
        column: "fingerprint",
    })
}

/// The column `metadata` of any table.
pub fn metadata<DB: Dialect>(row: &DB::Row) -> Result<Option<Arc<str>>, Fault> {
    let json: Option<Json<Box<RawValue>>> = get::<DB, _>(row, "metadata")?;
    Ok(json.map(|json| Arc::from(json.get())))
}

fn owner<DB: Dialect>(row: &DB::Row) -> Result<(SessionId, UserId), Fault> {
    let id = SessionId(get::<DB, _>(row, "id")?);
    Ok((id, UserId(get::<DB, _>(row, "user_id")?)))
}

fn context<DB: Dialect>(row: &DB::Row) -> Result<SessionContext, Fault> {
    let address: Option<String> = get::<DB, _>(row, "ip_address")?;
    let ip_address = address.map(|text| text.parse::<IpAddr>()).transpose();
    let subject_type: Option<String> = get::<DB, _>(row, "subject_type")?;
    let subject = match subject_type {
        Some(kind) => Some(Subject {
            kind,
            id: get::<DB, Option<_>>(row, "subject_id")?.unwrap_or_default(),
            name: get::<DB, Option<_>>(row, "subject_name")?.unwrap_or_default(),
        }),
        None => None,
    };
    Ok(SessionContext {
        session_type: get::<DB, _>(row, "session_type")?,
        client_type: get::<DB, _>(row, "client_type")?,
        client_info: get::<DB, _>(row, "client_info")?,
        ip_address: ip_address.map_err(|_| corrupt("ip_address"))?,
        subject,
        focus_mode: get::<DB, _>(row, "focus_mode")?,
        location: get::<DB, _>(row, "location")?,
        metadata: metadata::<DB>(row)?,
    })
}

/// The columns of any table that say in which phase a session is or was.
pub fn phase<DB: Dialect>(row: &DB::Row, table: &'static str) -> Result<Phase, Fault> {
    let corrupt = |column| Fault::Corrupt { table, column };
    let state: i16 = get::<DB, _>(row, "state")?;
    match SessionState::from_code(state).ok_or_else(|| corrupt("state"))? {
        SessionState::Active => Ok(Phase::Active),
        SessionState::Paused => {
            let since: Option<Timestamp> = get::<DB, _>(row, "paused_at")?;
            let since = since.ok_or_else(|| corrupt("paused_at"))?;
            Ok(Phase::Paused { since })
        }
        SessionState::Ended => {
            let at: Option<Timestamp> = get::<DB, _>(row, "ended_at")?;
            let reason: Option<i16> = get::<DB, _>(row, "end_reason")?;
            Ok(Phase::Ended {
                at: at.ok_or_else(|| corrupt("ended_at"))?,
                reason: reason
                    .and_then(EndReason::from_code)
                    .ok_or_else(|| corrupt("end_reason"))?,
            })
        }
    }
}

fn review<DB: Dialect>(row: &DB::Row) -> Result<SessionReview, Fault> {
    let completion: Option<i16> = get::<DB, _>(row, "completion_status")?;
    let result: Option<Json<Box<RawValue>>> = get::<DB, _>(row, "result")?;
    let result: Option<SessionResult> = result
        .map(|json| serde_json::from_str(json.get()))
        .transpose()
        .map_err(|_| corrupt("result"))?;
    let rating = |column| -> Result<Option<u8>, Fault> {
        let value: Option<i16> = get::<DB, _>(row, column)?;
        Ok(value.and_then(|value| u8::try_from(value).ok()))
    };
    Ok(SessionReview {
        completion: completion.and_then(CompletionStatus::from_code),
        notes: get::<DB, _>(row, "notes")?,
        mood_rating: rating("mood_rating")?,
        productivity_rating: rating("productivity_rating")?,
        result,
    })
}

fn pauses<DB: Dialect>(row: &DB::Row) -> Result<Vec<Span>, Fault> {
    let json: Json<Box<RawValue>> = get::<DB, _>(row, "pauses")?;
    let pairs: Vec<(Timestamp, Timestamp)> =
        serde_json::from_str(json.get()).map_err(|_| corrupt("pauses"))?;
    let spans = pairs.into_iter().map(|(start, end)| Span { start, end });
    Ok(spans.collect())
}

fn pauses_json(pauses: &[Span]) -> String {
    let pairs: Vec<_> = pauses.iter().map(|span| (span.start, span.end)).collect();
    serde_json::to_string(&pairs).unwrap_or_default()
}

const fn corrupt(column: &'static str) -> Fault {
    Fault::Corrupt {
        table: "user_sessions",
        column,
    }
}
