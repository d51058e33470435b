//! The second wall: what a statement would not keep apart, PostgreSQL does. SQLite has none.

use dwell::{
    domain::{
        activity::ActivityDetails,
        commands::{CreateGoal, ForgetEvents, LogActivity},
        goal::{GoalDetails, GoalPriority, GoalType},
        ids::{ActivityId, GoalId},
        session::{SessionContext, Subject},
        usage::UsageIncrement,
    },
    store::{OpenError, migrate},
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use uuid::Uuid;

use crate::fixture::{Fixture, MINUTE, context, day, session, start_with, user};

const OURS: u128 = 0xa;
const THEIRS: u128 = 0xb;

/// What PostgreSQL calls a row, or a table, that is not for whoever asks; a row that another one
/// refers to, or that refers to none; and one without all that it must have.
const REFUSED: &str = "42501";
const REFERS: &str = "23503";
const INCOMPLETE: &str = "23502";

const SELECT_TABLES: &str = "
    SELECT table_name::text AS name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name = 'tenant_id'
    ORDER BY table_name";

/// Tables of a tenant's that have not both policies, for nobody else, bound to everyone.
const SELECT_UNGUARDED: &str = "
    SELECT c.table_name::text AS name FROM information_schema.columns c
    JOIN pg_class k ON k.oid = c.table_name::text::regclass
    WHERE c.table_schema = 'public' AND c.column_name = 'tenant_id'
        AND NOT (k.relrowsecurity AND k.relforcerowsecurity AND ARRAY[
            'one_tenant', 'PERMISSIVE', '{dwell_tenant}', 'ALL',
            '(tenant_id = (NULLIF(current_setting(''dwell.tenant_id''::text, true), ''''::text))::uuid)',
            '(tenant_id = (NULLIF(current_setting(''dwell.tenant_id''::text, true), ''''::text))::uuid)',
            'all_tenants', 'PERMISSIVE', '{dwell_jobs,postgres}', 'ALL', 'true', NULL
        ] IS NOT DISTINCT FROM ARRAY(
            SELECT unnest(ARRAY[policyname::text, permissive, roles::text, cmd, qual, with_check])
            FROM pg_policies WHERE tablename = c.table_name ORDER BY policyname DESC))
    ORDER BY c.table_name";

async fn names(conn: &mut PgConnection, sql: &'static str) -> Vec<String> {
    let rows = sqlx::query(sql).fetch_all(conn).await.unwrap();
    rows.iter().map(|row| row.get("name")).collect()
}

/// A raw connection, beside dwell's, to do what dwell would not.
struct Raw(PgConnection);

impl Raw {
    /// To a database in which two tenants, with the same ids, have rows in every table.
    async fn with_tenants() -> Self {
        let db = Fixture::postgres().await;
        for number in [OURS, THEIRS] {
            fill(&db.for_tenant(number)).await;
        }
        Self(PgConnection::connect(&db.url).await.unwrap())
    }

    /// How many rows a statement finds or writes as this role, or the code of its error. It is
    /// undone.
    async fn attempt(&mut self, act: &str, sql: String) -> Result<u64, String> {
        let begin = format!("BEGIN; {act}");
        self.0.execute(AssertSqlSafe(begin)).await.unwrap();
        let done = self.0.execute(AssertSqlSafe(sql)).await;
        self.0.execute("ROLLBACK").await.unwrap();
        done.map(|done| done.rows_affected()).map_err(|error| {
            let error = error.into_database_error().unwrap();
            error.code().unwrap().into_owned()
        })
    }

    /// The same as whoever serves our calls.
    async fn serve(&mut self, sql: String) -> Result<u64, String> {
        self.attempt(&for_tenant(OURS), sql).await
    }

    async fn tables(&mut self) -> Vec<String> {
        let tables = names(&mut self.0, SELECT_TABLES).await;
        assert!(tables.len() >= 15, "{tables:?}");
        tables
    }
}

fn for_tenant(number: u128) -> String {
    let id = Uuid::from_u128(number);
    format!("SET LOCAL ROLE dwell_tenant; SET LOCAL dwell.tenant_id = '{id}'")
}

/// What the session counts for.
fn goal() -> CreateGoal {
    CreateGoal {
        user_id: user(1),
        goal_id: GoalId(Uuid::from_u128(1)),
        details: GoalDetails {
            goal_type: GoalType::StudyTime,
            name: "Study".to_owned(),
            description: String::new(),
            target_value: 100.0,
            unit: "minutes".to_owned(),
            priority: GoalPriority::Medium,
            recurrence: None,
            reminder_enabled: false,
            subject: None,
        },
        start_date: None,
        target_date: day("2026-12-31"),
        fingerprint: None,
    }
}

/// A row, at least, in every table.
async fn fill(db: &Fixture) {
    let subject = Subject {
        kind: "course".to_owned(),
        id: "rust".to_owned(),
        name: "Rust".to_owned(),
    };
    let context = SessionContext {
        subject: Some(subject),
        ..context()
    };
    db.submit(goal()).await.unwrap();
    let start = start_with(user(1), session(1), context);
    db.submit(start).await.unwrap();
    db.pass(MINUTE);
    db.submit_for(session(1), |user_id| LogActivity {
        user_id,
        session_id: session(1),
        activity_id: ActivityId(Uuid::from_u128(1)),
        details: ActivityDetails {
            activity_type: "testing".to_owned(),
            content_type: String::new(),
            content_id: String::new(),
            items_completed: 1,
            items_correct: 1,
            metadata: None,
        },
        start_time: None,
        duration: std::time::Duration::ZERO,
        fingerprint: None,
    })
    .await
    .unwrap();
    db.end(session(1)).await.unwrap();
    let usage = UsageIncrement {
        feature_usage: [("export".to_owned(), 1)].into(),
        ..UsageIncrement::default()
    };
    db.record_once(user(1), usage, 1).await.unwrap();
    // The first and the last, and so not all.
    db.pass(MINUTE);
    let places = db.store.list_events_before(db.tenant, db.now(), 1).await;
    let places = places.unwrap();
    db.submit(ForgetEvents { places }).await.unwrap();
}

#[tokio::test]
async fn a_table_that_forgets_its_policies_is_found_and_not_served() {
    let db = Fixture::postgres().await;
    let mut conn = PgConnection::connect(&db.url).await.unwrap();
    assert_eq!(names(&mut conn, SELECT_UNGUARDED).await, [""; 0]);

    let forgotten = "CREATE TABLE forgotten (tenant_id uuid NOT NULL PRIMARY KEY)";
    conn.execute(forgotten).await.unwrap();
    assert_eq!(names(&mut conn, SELECT_UNGUARDED).await, ["forgotten"]);
    let refused = migrate(&db.url).await.unwrap_err();
    let OpenError::NotApart(why) = refused else {
        panic!("{refused}");
    };
    assert_eq!(why, "row security is not forced on forgotten");
    let mut raw = Raw(conn);
    let select = "SELECT FROM forgotten".to_owned();
    assert_eq!(raw.serve(select).await, Err(REFUSED.to_owned()));

    // As its migration should have done.
    let guard = "SELECT guard_tenant_tables()";
    raw.0.execute(guard).await.unwrap();
    assert_eq!(names(&mut raw.0, SELECT_UNGUARDED).await, [""; 0]);
    migrate(&db.url).await.unwrap();
}

#[tokio::test]
async fn another_tenants_rows_are_out_of_reach_in_every_table() {
    let mut raw = Raw::with_tenants().await;
    let theirs = Uuid::from_u128(THEIRS);
    let ours = Uuid::from_u128(OURS);
    let refused = Err(REFUSED.to_owned());
    for table in raw.tables().await {
        let of = |id| format!("SELECT FROM {table} WHERE tenant_id = '{id}'");
        let [all, own] = [of(theirs), of(ours)];
        let rows = raw.attempt("", all.clone()).await.unwrap();
        assert!(rows > 0, "no row to hide in {table}: fill it");
        assert_eq!(raw.serve(all).await, Ok(0), "{table}");
        let found = raw.serve(own.clone()).await.unwrap();
        assert_eq!(raw.attempt("", own).await, Ok(found), "{table}");
        assert!(found > 0, "own rows of {table}");
        let everything = format!("SELECT FROM {table}");
        assert_eq!(raw.serve(everything).await, Ok(found), "{table}");

        let update =
            format!("UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = '{theirs}'");
        assert_eq!(raw.serve(update).await, Ok(0), "{table}");
        let delete = format!("DELETE FROM {table} WHERE tenant_id = '{theirs}'");
        assert_eq!(raw.serve(delete).await, Ok(0), "{table}");
        let hand_over = format!("UPDATE {table} SET tenant_id = '{theirs}'");
        assert_eq!(raw.serve(hand_over).await, refused, "{table}");
        let insert = |id| format!("INSERT INTO {table} (tenant_id) VALUES ('{id}')");
        assert_eq!(raw.serve(insert(theirs)).await, refused, "{table}");
        // Ours would only have to be complete.
        let incomplete = Err(INCOMPLETE.to_owned());
        assert_eq!(raw.serve(insert(ours)).await, incomplete, "{table}");
        let truncate = format!("TRUNCATE {table} CASCADE");
        assert_eq!(raw.serve(truncate).await, refused, "{table}");
    }
}

#[tokio::test]
async fn without_a_tenant_nothing_is_there() {
    let mut raw = Raw::with_tenants().await;
    let empty = "SET LOCAL ROLE dwell_tenant; SET LOCAL dwell.tenant_id = ''";
    for table in raw.tables().await {
        let select = || format!("SELECT FROM {table}");
        let nobody = "SET LOCAL ROLE dwell_tenant";
        assert_eq!(raw.attempt(nobody, select()).await, Ok(0), "{table}");
        assert_eq!(raw.attempt(empty, select()).await, Ok(0), "{table}");
        // What a transaction set ends with it, and with it what that saw.
        assert!(raw.serve(select()).await.unwrap() > 0, "{table}");
        assert_eq!(raw.attempt(nobody, select()).await, Ok(0), "{table}");
    }
}

#[tokio::test]
async fn jobs_read_of_all_tenants_and_write_nothing() {
    let mut raw = Raw::with_tenants().await;
    let jobs = "SET LOCAL ROLE dwell_jobs";
    for table in raw.tables().await {
        let select = || format!("SELECT FROM {table}");
        let all = raw.attempt("", select()).await;
        assert_eq!(raw.attempt(jobs, select()).await, all, "{table}");
        for write in [
            format!("UPDATE {table} SET tenant_id = tenant_id"),
            format!("DELETE FROM {table}"),
            format!("INSERT INTO {table} (tenant_id) VALUES (gen_random_uuid())"),
        ] {
            let refused = Err(REFUSED.to_owned());
            assert_eq!(raw.attempt(jobs, write).await, refused, "{table}");
        }
    }
}

#[tokio::test]
async fn foreign_keys_hold_for_whoever_sees_one_tenant() {
    let mut raw = Raw::with_tenants().await;
    let request = |user: u128| {
        format!(
            "INSERT INTO usage_requests (tenant_id, id, user_id, usage_date, fingerprint, created_at)
             VALUES ('{}', gen_random_uuid(), '{}', '2026-11-20', '', now())",
            Uuid::from_u128(OURS),
            Uuid::from_u128(user)
        )
    };
    assert_eq!(raw.serve(request(1)).await, Ok(1));
    assert_eq!(raw.serve(request(2)).await, Err(REFERS.to_owned()));
    let delete = "DELETE FROM users".to_owned();
    assert_eq!(raw.serve(delete).await, Err(REFERS.to_owned()));
}

#[tokio::test]
async fn the_service_s_own_keys_are_not_for_whoever_serves() {
    let mut raw = Raw::with_tenants().await;
    for table in ["service_keys", "_sqlx_migrations"] {
        let select = format!("SELECT FROM {table}");
        assert_eq!(raw.serve(select).await, Err(REFUSED.to_owned()));
    }
}
