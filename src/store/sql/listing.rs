//! Pages and sums of sessions.
//!
//! A session that is over by now counts as ended whether or not the sweep has been there, and
//! that rule is the domain's. So SQL finds a superset (what is stored in one of the asked
//! states, and what the sweep is due to look at), and the domain has the last word.

use super::{
    codes::Code,
    dialect::{Dialect, Query, get},
    fault::Fault,
    sessions::{SELECT_SESSIONS, session},
    tenants,
};
use crate::{
    domain::{
        calendar::seconds,
        ids::{SessionId, TenantId},
        session::{Session, SessionFilter, SessionState, SessionTotals, SessionView},
        settings::TenantSettings,
        time::Timestamp,
    },
    store::Page,
};

/// A row's place in a list of sessions, newest start first.
pub type SessionKey = (Timestamp, SessionId);

const SUM_ENDED: &str = "
    SELECT COUNT(*) AS sessions, CAST(COALESCE(SUM(duration_seconds), 0) AS BIGINT) AS seconds
    FROM user_sessions
    WHERE tenant_id = $1 AND state = 3";
/// Rows read at a time where all that match are wanted.
const CHUNK: usize = 1_000;

/// A page of the sessions that match at `now`, after the given one.
pub async fn page<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    filter: &SessionFilter,
    after: Option<SessionKey>,
    limit: usize,
    now: Timestamp,
) -> Result<Page<SessionView, SessionKey>, Fault> {
    let settings = tenants::settings_of::<DB>(conn, tenant).await?;
    let mut items = Vec::new();
    let mut key = after;
    loop {
        // One more than the page, to know whether there is a next one.
        let wanted = limit + 1 - items.len();
        let query = Query::<DB>::new(SELECT_SESSIONS).bind(tenant.uuid());
        let query = by_state(by_columns(query, filter), filter, now);
        let rows = next(from(query, filter, key), conn, wanted).await?;
        key = rows.last().map(|row| (row.started_at, row.id)).or(key);
        let found = rows.len();
        let views = rows.into_iter().map(|row| row.view(&settings, now));
        items.extend(views.filter(|view| matches(view, filter)));
        if found < wanted || items.len() > limit {
            break;
        }
    }
    Ok(Page::cut(items, limit, |view| {
        (view.session.started_at, view.session.id)
    }))
}

/// How many sessions match at `now`, and their time: what is stored as ended is summed by the
/// engine, the open ones one by one.
pub async fn totals<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    filter: &SessionFilter,
    now: Timestamp,
) -> Result<SessionTotals, Fault> {
    let settings = tenants::settings_of::<DB>(conn, tenant).await?;
    let mut totals = SessionTotals::default();
    if wants(filter, SessionState::Ended) {
        let query = Query::<DB>::new(SUM_ENDED).bind(tenant.uuid());
        let query = by_end(from(by_columns(query, filter), filter, None), filter);
        for row in &query.fetch(conn).await? {
            totals.ended_count = get::<DB, _>(row, "sessions")?;
            totals.ended_seconds = get::<DB, _>(row, "seconds")?;
        }
        totals.count = totals.ended_count;
        totals.seconds = totals.ended_seconds;
    }
    add_open::<DB>(conn, tenant, filter, &settings, now, &mut totals).await?;
    Ok(totals)
}

/// Adds what is stored as open.
async fn add_open<DB: Dialect>(
    conn: &mut DB::Connection,
    tenant: TenantId,
    filter: &SessionFilter,
    settings: &TenantSettings,
    now: Timestamp,
    totals: &mut SessionTotals,
) -> Result<(), Fault> {
    let mut after = None;
    loop {
        let query = Query::<DB>::new(SELECT_SESSIONS).bind(tenant.uuid());
        let query = by_columns(query.and(" AND state < 3"), filter);
        let rows = next(from(query, filter, after), conn, CHUNK).await?;
        let last = rows.len() < CHUNK;
        after = rows.last().map(|row| (row.started_at, row.id));
        for row in rows {
            let view = row.view(settings, now);
            if matches(&view, filter) {
                add(totals, &view);
            }
        }
        if last {
            return Ok(());
        }
    }
}

fn add(totals: &mut SessionTotals, view: &SessionView) {
    let time = seconds(view.duration);
    totals.count += 1;
    totals.seconds = totals.seconds.saturating_add(time);
    if !view.session.is_open() {
        totals.ended_count += 1;
        totals.ended_seconds = totals.ended_seconds.saturating_add(time);
    }
}

/// What only the domain can tell of a session that is stored as open.
fn matches(view: &SessionView, filter: &SessionFilter) -> bool {
    let session = &view.session;
    wants(filter, session.state())
        && (filter.end_reason.is_none() || session.end_reason() == filter.end_reason)
        && (filter.completion.is_none() || session.review.completion == filter.completion)
}

fn wants(filter: &SessionFilter, state: SessionState) -> bool {
    filter.states.is_empty() || filter.states.contains(&state)
}

/// The columns that do not change in a session's life.
fn by_columns<DB: Dialect>(query: Query<DB>, filter: &SessionFilter) -> Query<DB> {
    // A user has few sessions and a client type has many, which an engine without statistics
    // does not know: so the index by client type is hidden from it.
    let client_type = match filter.user_id {
        Some(_) => " AND client_type || '' = $?",
        None => " AND client_type = $?",
    };
    query
        .and_if(" AND user_id = $?", filter.user_id.map(|user| user.0))
        .and_if(" AND session_type = $?", filter.session_type.clone())
        .and_if(client_type, filter.client_type.clone())
        .and_if(" AND subject_type = $?", filter.subject_type.clone())
        .and_if(" AND subject_id = $?", filter.subject_id.clone())
        .and_if(" AND started_at >= $?", filter.started_from)
}

/// Where a list begins: after a row, or at the filter's bound. Never both, as an index search
/// would begin at the bound and read up to the row for each page.
fn from<DB: Dialect>(
    query: Query<DB>,
    filter: &SessionFilter,
    after: Option<SessionKey>,
) -> Query<DB> {
    let until = filter.started_until.filter(|_| after.is_none());
    query
        .and_if(" AND started_at < $?", until)
        .and_if(" AND (started_at, id) < ($?, ", after.map(|key| key.0))
        .and_if("$?)", after.map(|key| key.1.0))
}

/// The columns that an end sets.
fn by_end<DB: Dialect>(query: Query<DB>, filter: &SessionFilter) -> Query<DB> {
    query
        .and_if(" AND end_reason = $?", filter.end_reason.map(Code::code))
        .and_if(
            " AND completion_status = $?",
            filter.completion.map(Code::code),
        )
}

/// The stored states that a match may be in.
fn by_state<DB: Dialect>(query: Query<DB>, filter: &SessionFilter, now: Timestamp) -> Query<DB> {
    let needs_end = filter.end_reason.is_some() || filter.completion.is_some();
    let open = [SessionState::Active, SessionState::Paused];
    let wants_open = !needs_end && open.iter().any(|state| wants(filter, *state));
    match (wants_open, wants(filter, SessionState::Ended)) {
        (true, true) => query,
        (true, false) => query.and(" AND state < 3"),
        (false, true) => by_end(query.and(" AND (state = 3"), filter)
            .and_if(" OR state < 3 AND sweep_at <= $?)", Some(now)),
        (false, false) => query.and(" AND false"),
    }
}

/// The next rows, newest start first.
async fn next<DB: Dialect>(
    query: Query<DB>,
    conn: &mut DB::Connection,
    limit: usize,
) -> Result<Vec<Session>, Fault> {
    let rows = query
        .and(" ORDER BY started_at DESC, id DESC")
        .and_if(" LIMIT $?", i64::try_from(limit).ok())
        .fetch(conn)
        .await?;
    rows.iter().map(session::<DB>).collect()
}
