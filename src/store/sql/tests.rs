//! Every statement is one that both engines understand.

#[path = "../../../tests/support/postgres.rs"]
pub mod pg;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sqlx::{AssertSqlSafe, Executor, Postgres, SqlSafeStr};
use tempfile::TempDir;
use uuid::Uuid;

use super::{
    SELECT_SCHEMA_VERSION, SqlStore, activities, cohorts, days,
    dialect::{Dialect, Query, Reader, get},
    events, goal_counts, goal_progress, goals, listing, marks, outcomes, performance, points,
    pools::{Pools, Tx},
    practice, read, requests,
    rows::{Cells, Kind, Rows},
    sessions, tenant_usage, tenants, totals, user_rows,
    user_tables::{USER_TABLES, USERS, UserTable},
    users,
};
use crate::{
    domain::{
        goal::{GoalFilter, GoalStatus},
        ids::{RandomIds, SessionId, TenantId, UserId},
        insights::practice::PracticeAdditions,
        ledger::Ledger,
        session::{CompletionStatus, EndReason, SessionFilter, SessionState},
        settings::TenantSettings,
        time::{ManualClock, Timestamp},
    },
    store::{
        Error,
        events::Events,
        points::Outbox,
        postgres, sqlite,
        writer::{Apply, Job},
    },
    telemetry::traces::Wait,
};

mod plans;
mod pools;
mod relay;
mod release;

/// What stands in the place of `{rows}` or `{ids}`.
enum Many {
    Rows(Rows<'static>),
    Ids,
    Nothing,
}

/// Each statement with what its last parameter is, and how many there are before that.
#[expect(clippy::too_many_lines, reason = "a list has a line for each")]
fn statements() -> Vec<(String, usize, Many)> {
    let by_ids = [sessions::SELECT_SESSIONS, sessions::AND_IDS].concat();
    let open = [sessions::SELECT_SESSIONS, sessions::AND_OPEN_OF_USERS].concat();
    let started_on = [sessions::SELECT_SESSIONS, practice::AND_STARTED_ON].concat();
    let by_id = [sessions::SELECT_SESSIONS, sessions::AND_ID].concat();
    let due = [sessions::SELECT_SESSIONS, sessions::AND_DUE].concat();
    let in_month = [performance::COUNT_COHORT, performance::OF_MONTH].concat();
    let goal = [goals::SELECT_GOALS, goals::AND_GOAL].concat();
    let goals_by_id = [goals::SELECT_GOALS, goals::AND_GOALS].concat();
    let active_goals = [goals::SELECT_GOALS, goals::AND_ACTIVE_OF_USERS].concat();
    let goals_of_days = [goals::SELECT_GOALS, goals::AND_OF_DAYS].concat();
    let goals_reached = [goals::SELECT_GOALS, goals::AND_COMPLETED].concat();
    let in_days = [performance::COUNT_COHORT, performance::OF_DAYS].concat();
    let events_of_user = [
        events::SELECT_EVENTS,
        &events::AND_OF_WATCHED.replace("$?", "$5"),
        &events::IN_ORDER_OF_EVENTS.replace("$?", "$6"),
    ]
    .concat();
    let listed_in_month = [cohorts::LIST_COHORT, performance::OF_MONTH].concat();
    let listed_in_days = [cohorts::LIST_COHORT, performance::OF_DAYS].concat();
    let keys = || days::key_columns([]);
    let plain = |sql: &str, parameters| (sql.to_owned(), parameters, Many::Nothing);
    let ids = |sql: &str, parameters| (sql.to_owned(), parameters, Many::Ids);
    let rows_after = |sql: &str, parameters, rows| (sql.to_owned(), parameters, Many::Rows(rows));
    let rows = |sql: &str, rows| rows_after(sql, 1, rows);
    vec![
        plain(SELECT_SCHEMA_VERSION, 0),
        plain(outcomes::SELECT_OUTCOMES, 6),
        rows_after(outcomes::LIST_OUTCOME_DAYS, 2, outcomes::period_columns([])),
        rows_after(performance::SUM_PERIODS, 3, performance::key_columns([])),
        rows(performance::SELECT_MONTHS, performance::key_columns([])),
        plain(performance::SUM_SUBJECTS, 4),
        plain(performance::SUM_EFFORT, 4),
        ids(&in_month, 8),
        ids(&in_days, 8),
        ids(&listed_in_month, 3),
        ids(&listed_in_days, 3),
        plain(cohorts::SELECT_CHANGES, 4),
        rows(
            cohorts::NOTE_CHANGES,
            cohorts::change_columns([], Timestamp::FIRST),
        ),
        rows(performance::ADD_DAYS, performance::day_columns([])),
        rows(performance::ADD_MONTHS, performance::month_columns([])),
        plain(&goal, 2),
        ids(&goals_by_id, 1),
        ids(&active_goals, 1),
        rows(goals::INSERT_GOALS, goals::columns([])),
        rows(goals::UPDATE_GOALS, goals::changing_columns([])),
        ids(goals::DELETE_GOALS, 1),
        rows(goal_counts::SUM_SCOPES, goal_counts::scope_columns([])),
        rows(goal_counts::LIST_PRACTISED, goal_counts::scope_columns([])),
        rows(goal_progress::UPSERT_PROGRESS, goal_progress::columns([])),
        ids(goal_progress::SELECT_VALUES_BY_GOAL, 1),
        plain(goals::SELECT_GOALS_TO_EXPIRE, 3),
        plain(&goals_of_days, 7),
        plain(&goals_reached, 5),
        plain(goals::SELECT_TENANTS_WITH_GOALS_TO_EXPIRE, 3),
        plain(goal_progress::SELECT_PROGRESS, 4),
        plain(goal_progress::SELECT_BEST_VALUE, 3),
        plain(&due, 2),
        plain(read::PING, 0),
        plain(read::SELECT_KEY, 1),
        plain(read::INSERT_KEY, 2),
        rows(marks::UPSERT_MARKS, marks::columns(None, Timestamp::FIRST)),
        plain(marks::LOCK_MARK, 4),
        plain(marks::DELETE_OLD_MARKS, 2),
        plain(tenants::SELECT_TENANT, 1),
        plain(tenants::SELECT_TENANTS, 2),
        plain(tenants::SELECT_TENANTS_WITH_RETENTION, 2),
        plain(tenants::INSERT_TENANT, 13),
        plain(tenants::UPDATE_TENANT, 13),
        plain(users::SELECT_USER, 2),
        plain(users::SELECT_USERS_BY_LAST_ACTIVE, 6),
        plain(users::SELECT_DELETED_AT, 2),
        plain(users::SELECT_TENANTS_WITH_DELETIONS, 3),
        plain(users::SELECT_DELETIONS, 3),
        plain(users::END_DELETION, 2),
        ids(users::MARK_DELETED, 2),
        ids(users::LOCK_USERS, 1),
        rows(users::INSERT_USERS, users::columns([])),
        rows(users::UPSERT_USERS, users::columns([])),
        plain(&by_id, 2),
        ids(&by_ids, 1),
        ids(&open, 1),
        ids(sessions::SELECT_OWNERS, 1),
        plain(sessions::SELECT_SESSIONS_TO_SWEEP, 3),
        plain(sessions::SELECT_TENANTS_TO_SWEEP, 3),
        plain(sessions::SWEEP_ALL_NOW, 2),
        plain(sessions::SELECT_SESSIONS_ENDED_BEFORE, 5),
        plain(sessions::COUNT_SESSIONS_ENDED_BEFORE, 2),
        plain(sessions::SELECT_CLIENTS_ENDED_BEFORE, 3),
        ids(sessions::DELETE_ACTIVITIES, 1),
        ids(sessions::DELETE_SESSIONS, 1),
        ids(sessions::CLEAR_CLIENTS, 1),
        rows(sessions::INSERT_SESSIONS, sessions::columns([])),
        rows(sessions::UPDATE_SESSIONS, sessions::changing_columns([])),
        rows(days::SELECT_DAYS_BY_KEY, keys()),
        plain(days::SELECT_DAYS_BY_USER, 4),
        plain(days::SELECT_DAYS_BY_DATE, 5),
        ids(days::SELECT_DAYS_BY_DATE_AND_USERS, 5),
        rows(
            days::UPSERT_DAYS,
            days::columns([], &PracticeAdditions::default()),
        ),
        plain(practice::LIST_PRACTICE_DAYS, 2),
        plain(practice::LIST_CALENDAR_DAYS, 4),
        plain(practice::LIST_PRACTICE_TIMES, 4),
        plain(&started_on, 7),
        plain(practice::SELECT_TOP_SUBJECTS, 6),
        rows(practice::UPSERT_PRACTICE_TIMES, practice::time_columns([])),
        rows(practice::UPSERT_SUBJECT_DAYS, practice::subject_columns([])),
        plain(tenant_usage::SELECT_TENANT_DAYS, 3),
        plain(tenant_usage::SELECT_TENANT_FEATURES, 3),
        rows(tenant_usage::COUNT_USERS, tenant_usage::period_columns(&[])),
        rows(tenant_usage::UPSERT_TENANT_DAYS, tenant_usage::columns([])),
        rows(
            tenant_usage::UPSERT_TENANT_FEATURES,
            tenant_usage::feature_columns([]),
        ),
        rows(tenant_usage::COUNT_NEW_DAYS, keys()),
        ids(activities::SELECT_ACTIVITIES_BY_ID, 1),
        plain(activities::SELECT_ACTIVITIES_BY_SESSION, 5),
        rows(activities::INSERT_ACTIVITIES, activities::columns([])),
        ids(requests::SELECT_REQUESTS_BY_ID, 1),
        plain(requests::SELECT_OLD_REQUESTS, 3),
        plain(requests::SELECT_TENANTS_WITH_OLD_REQUESTS, 3),
        rows(requests::INSERT_REQUESTS, requests::columns([])),
        ids(requests::DELETE_REQUESTS, 1),
        rows(points::INSERT_AWARDS, points::columns(&[])),
        plain(points::SELECT_TENANTS_WITH_POINTS, 3),
        plain(points::SELECT_DUE_AWARDS, 3),
        rows(points::LOCK_HEADS, points::user_columns([])),
        rows_after(points::LEASE_AWARDS, 3, points::key_columns([])),
        rows_after(points::PUT_TO_WAIT, 2, points::key_columns([])),
        rows(points::DELETE_DELIVERED, points::key_columns([])),
        rows_after(points::WRITE_FAILED, 2, points::failed_columns([])),
        rows_after(points::CALL_NEXT, 2, points::user_columns([])),
        plain(points::SELECT_OLDEST_AWARD, 1),
        rows(events::INSERT_EVENTS, events::columns(&[])),
        plain(events::SELECT_BOUNDS, 1),
        plain(events::SELECT_LAST_EVENT, 3),
        plain(&events_of_user, 6),
        plain(events::SELECT_TENANTS_WITH_OLD_EVENTS, 3),
        plain(events::SELECT_OLD_EVENTS, 3),
        rows(events::DELETE_EVENTS, events::place_columns([])),
        rows(events::UPSERT_TRIMS, events::place_columns([])),
        plain(totals::COUNT_OPEN_SESSIONS, 0),
        plain(totals::COUNT_PENDING_AWARDS, 0),
        plain(crate::store::stats::COUNT_BY_TENANT, 0),
    ]
}

/// The tables that hold users' rows.
fn user_tables() -> impl Iterator<Item = &'static UserTable> {
    std::iter::once(&USERS).chain(USER_TABLES)
}

/// Each statement on the rows of a user, for each table that may hold some.
fn statements_of_users() -> Vec<(String, usize, Many)> {
    let statements = user_tables().flat_map(|table| {
        let page = |after| table.sql(&user_rows::SELECT_ROWS.replace("{after}", after));
        let mut key = Rows::default();
        for (name, kind) in table.key {
            key.push(name, no_cells(*kind));
        }
        [
            (table.sql(user_rows::COUNT_ROWS), 3, Many::Nothing),
            (table.sql(user_rows::DELETE_ROWS), 3, Many::Nothing),
            (page(""), 3, Many::Nothing),
            (page(user_rows::AFTER_KEY), 3, Many::Rows(key)),
        ]
    });
    statements.collect()
}

fn no_cells(kind: Kind) -> Cells<'static> {
    match kind {
        Kind::Uuid => Cells::Uuid(Vec::new()),
        Kind::Small => Cells::Small(Vec::new()),
        Kind::Int => Cells::Int(Vec::new()),
        Kind::Text => Cells::Text(Vec::new()),
        Kind::Time => Cells::Time(Vec::new()),
        Kind::Date => Cells::Date(Vec::new()),
        _ => panic!("{kind:?} is no part of a key"),
    }
}

/// All of them as the engine is told them.
fn texts<DB: Dialect>() -> Vec<String> {
    let all = statements().into_iter().chain(statements_of_users());
    let texts = all.map(|(sql, parameters, many)| {
        // Only how many there are before the last one matters here.
        let query = (0..parameters).fold(Query::<DB>::new(&sql), |query, _| query.bind(0_i64));
        let sql = match many {
            Many::Rows(rows) => query.rows(&rows).sql,
            Many::Ids => query.ids([]).sql,
            Many::Nothing => query.sql,
        };
        sql.replace("{after}", "true")
    });
    texts.collect()
}

async fn prepare_all<DB: Dialect>(pools: &Pools<DB>)
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let mut conn = write(pools).await;
    let nothing = DB::write_all(&mut conn, nobody(), None, &[]).await;
    assert_eq!(nothing.unwrap().rows, 0);
    for sql in texts::<DB>() {
        assert!(!sql.contains('{'), "nothing fills a place in {sql}");
        let prepared = conn
            .prepare(AssertSqlSafe(sql.clone()).into_sql_str())
            .await;
        assert!(prepared.is_ok(), "{sql}\n{:?}", prepared.err());
    }
}

async fn write<DB: Dialect>(pools: &Pools<DB>) -> Tx<DB> {
    let tenants = BTreeMap::from([(nobody(), false)]);
    pools.write(&tenants).await.unwrap()
}

/// Without rows.
const fn nobody() -> TenantId {
    tenant(Uuid::nil())
}

#[expect(clippy::disallowed_methods, reason = "a tenant of the test's own")]
const fn tenant(id: Uuid) -> TenantId {
    TenantId::from_verified(id)
}

/// A statement for each filter that there may be: run, since they are put together as they go.
async fn list_by_all_filters<DB: Dialect>(pools: &Pools<DB>) {
    let tenant = nobody();
    let time = Timestamp::FIRST;
    let some = |text: &str| Some(text.to_owned());
    let mut conn = pools.read(Reader::Tenant(tenant)).await.unwrap();
    for states in [
        vec![],
        vec![SessionState::Active],
        vec![SessionState::Ended],
    ] {
        let filter = SessionFilter {
            user_id: Some(UserId(Uuid::nil())),
            states,
            session_type: some("solo"),
            client_type: some("web"),
            completion: Some(CompletionStatus::Partial),
            end_reason: Some(EndReason::Logout),
            subject_type: some("class"),
            subject_id: some("a"),
            started_from: Some(time),
            started_until: Some(time),
        };
        let after = Some((time, SessionId(Uuid::nil())));
        let page = listing::page::<DB>(&mut conn, tenant, &filter, after, 1, time).await;
        assert!(page.unwrap().items.is_empty());
        let totals = listing::totals::<DB>(&mut conn, tenant, &filter, time).await;
        assert_eq!(totals.unwrap().count, 0);
    }
    for status in [None, Some(GoalStatus::Active), Some(GoalStatus::Expired)] {
        let filter = GoalFilter {
            user_id: UserId(Uuid::nil()),
            status,
            subject_type: some("class"),
            subject_id: some("a"),
        };
        let today = time.utc_date();
        let page = goals::page::<DB>(&mut conn, tenant, &filter, None, 1, today).await;
        assert!(page.unwrap().is_empty());
    }
}

/// Columns of users' rows that no export tells: whose a row is, what it was made of as a hash,
/// what other columns say already, and what is the same for everyone who is not deleted.
const NOT_TOLD: [&str; 8] = [
    "tenant_id",
    "user_id",
    "fingerprint",
    "last_active_date",
    "attended_days",
    "outcomes_text",
    "deleted_at",
    "deletion_pending",
];

/// Tables with users' rows, and columns of them, that the list does not know, by `schema`, a
/// statement that tells the columns of all tables.
async fn unknown<DB: Dialect>(conn: &mut DB::Connection, schema: &str) -> BTreeSet<String> {
    let rows = Query::<DB>::new(schema).fetch(conn).await.unwrap();
    let mut columns = BTreeSet::new();
    for row in &rows {
        let table: String = get::<DB, _>(row, "table_name").unwrap();
        columns.insert((table, get::<DB, String>(row, "column_name").unwrap()));
    }
    let of_users = columns
        .iter()
        .filter(|(table, column)| table == USERS.name || column == "user_id");
    let of_users: BTreeSet<_> = of_users.map(|(table, _)| table.clone()).collect();
    assert!(of_users.len() > USER_TABLES.len(), "{of_users:?}");
    let told: BTreeSet<_> = user_tables()
        .flat_map(|table| {
            let told = table.all_columns().map(|(name, _)| *name).chain(NOT_TOLD);
            told.map(|name| (table.name.to_owned(), name.to_owned()))
        })
        .collect();
    let untold = columns.difference(&told);
    let untold = untold.filter(|(table, _)| of_users.contains(table));
    untold
        .map(|(table, column)| format!("{table}.{column}"))
        .collect()
}

const SQLITE_COLUMNS: &str = "
    SELECT t.name AS table_name, c.name AS column_name
    FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c
    WHERE t.type = 'table'";
const POSTGRES_COLUMNS: &str = "
    SELECT CAST(table_name AS text) AS table_name, CAST(column_name AS text) AS column_name
    FROM information_schema.columns
    WHERE table_schema = current_schema()";

/// A table, and a column of one, that nobody told the list of.
const ADDITIONS: [&str; 2] = [
    "CREATE TABLE user_notes (tenant_id TEXT, user_id TEXT, note TEXT)",
    "ALTER TABLE user_sessions ADD COLUMN user_agent TEXT",
];

async fn the_list_of_users_tables_is_the_schemas<DB: Dialect>(pools: &Pools<DB>, schema: &str) {
    let mut conn = pools.own().await.unwrap();
    assert_eq!(unknown::<DB>(&mut conn, schema).await, BTreeSet::new());
    for addition in ADDITIONS {
        let done = Query::<DB>::new(addition).execute(&mut conn).await;
        assert!(done.is_ok(), "{done:?}");
    }
    let expected = [
        "user_notes.tenant_id",
        "user_notes.user_id",
        "user_notes.note",
        "user_sessions.user_agent",
    ];
    let expected = BTreeSet::from(expected.map(str::to_owned));
    assert_eq!(unknown::<DB>(&mut conn, schema).await, expected);
}

#[tokio::test]
async fn every_table_of_users_is_known_on_sqlite() {
    let dir = TempDir::new().unwrap();
    let url = format!("sqlite://{}", dir.path().join("db").display());
    let pools = sqlite::open(&url, true).await.unwrap();
    the_list_of_users_tables_is_the_schemas(&pools, SQLITE_COLUMNS).await;
}

#[tokio::test]
async fn every_table_of_users_is_known_on_postgres() {
    let pools = postgres::open(&pg::database().await, None, true)
        .await
        .unwrap();
    the_list_of_users_tables_is_the_schemas(&pools, POSTGRES_COLUMNS).await;
}

#[tokio::test]
async fn sqlite_understands_every_statement() {
    let dir = TempDir::new().unwrap();
    let url = format!("sqlite://{}", dir.path().join("db").display());
    let pools = sqlite::open(&url, true).await.unwrap();
    prepare_all(&pools).await;
    list_by_all_filters(&pools).await;
}

#[tokio::test]
async fn postgres_understands_every_statement() {
    let pools = postgres::open(&pg::database().await, None, true)
        .await
        .unwrap();
    prepare_all(&pools).await;
    list_by_all_filters(&pools).await;
}

#[test]
fn every_constant_of_sql_is_prepared() {
    let sources = [
        include_str!("activities.rs"),
        include_str!("cohorts.rs"),
        include_str!("days.rs"),
        include_str!("events.rs"),
        include_str!("goal_counts.rs"),
        include_str!("goal_progress.rs"),
        include_str!("goals.rs"),
        include_str!("insights.rs"),
        include_str!("listing.rs"),
        include_str!("marks.rs"),
        include_str!("outcomes.rs"),
        include_str!("performance.rs"),
        include_str!("points.rs"),
        include_str!("practice.rs"),
        include_str!("read.rs"),
        include_str!("reports.rs"),
        include_str!("requests.rs"),
        include_str!("sessions.rs"),
        include_str!("tenant_usage.rs"),
        include_str!("tenants.rs"),
        include_str!("user_rows.rs"),
        include_str!("users.rs"),
    ];
    let here = include_str!("tests.rs");
    let constants = sources.iter().flat_map(|source| source.lines());
    let constants = constants.filter_map(|line| {
        let line = line.trim_start_matches("pub ").strip_prefix("const ")?;
        let (name, value) = line.split_once(": &str")?;
        value.trim_start().starts_with('=').then_some(name)
    });
    let names: Vec<_> = constants.collect();
    assert!(names.len() > 30, "{names:?}");
    let missing: Vec<_> = names
        .into_iter()
        // Run as part of `listing::totals` and of `goals::page`.
        .filter(|name| !["SUM_ENDED", "AND_OF_USER", "IN_ORDER_OF_TARGET"].contains(name))
        .filter(|name| !here.contains(&format!("::{name}")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
