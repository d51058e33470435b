//! How PostgreSQL finds what a batch, or a question, reads and writes.

use sqlx::PgConnection;

use super::*;

/// Three thousand tenants of two sessions each, half of them open, and one of six thousand. Each
/// has as many users.
const TENANTS: [&str; 6] = [
    // Without what the rows refer to.
    "SET session_replication_role = replica",
    "CREATE TEMPORARY TABLE many AS
        SELECT CASE WHEN i < 6000 THEN lpad(to_hex(i / 2 + 1), 32, '0')::uuid
            ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff' END AS tenant_id,
            gen_random_uuid() AS id, i % 2 = 0 AS open
        FROM generate_series(0, 11999) AS i",
    "INSERT INTO users (tenant_id, id, login_count, last_active_at, total_usage_seconds,
            first_seen_at, created_at, updated_at)
        SELECT tenant_id, id, 0, now(), 0, now(), now(), now() FROM many",
    "INSERT INTO user_sessions (tenant_id, id, user_id, session_type, client_type, client_info,
            focus_mode, location, state, started_at, start_date, last_active_at, pauses, ended_at,
            end_reason, duration_seconds, notes, items_correct, points_earned, created_at,
            updated_at)
        SELECT tenant_id, gen_random_uuid(), id, 'login', 'web', '', false, '',
            CASE WHEN open THEN 1 ELSE 3 END, now(), current_date, now(), '[]',
            CASE WHEN open THEN NULL ELSE now() END, CASE WHEN open THEN NULL ELSE 1 END,
            0, '', 0, 0, now(), now()
        FROM many",
    "RESET session_replication_role",
    "ANALYZE",
];

#[tokio::test]
async fn a_large_tenant_among_small_ones_is_not_read_whole() {
    let url = pg::database().await;
    let pools = postgres::open(&url, None, true).await.unwrap();
    let mut conn = pools.own().await.unwrap();
    for sql in TENANTS {
        conn.execute(sql).await.unwrap();
    }
    drop(conn);
    let by_ids = [sessions::SELECT_SESSIONS, sessions::AND_IDS].concat();
    let open = [sessions::SELECT_SESSIONS, sessions::AND_OPEN_OF_USERS].concat();
    let ids = |sql: &str| Query::<Postgres>::new(sql).bind(Uuid::nil()).ids([]).sql;
    let update = sessions::changing_columns([]);
    let update = Query::<Postgres>::new(sessions::UPDATE_SESSIONS)
        .bind(Uuid::nil())
        .rows(&update);
    let update = update.sql.replace("{after}", "TRUE");
    // The tenant is the first parameter of each.
    let all = [
        ids(&by_ids),
        ids(&open),
        ids(sessions::SELECT_OWNERS),
        ids(users::LOCK_USERS),
        update,
    ];
    for sql in all {
        let plan = plan(&mut *write(&pools).await, &sql).await;
        assert!(
            plan.contains("Index Cond: ((tenant_id = $1) AND "),
            "{plan}"
        );
        assert!(!plan.contains("Index Cond: (tenant_id = $1)"), "{plan}");
    }
}

/// One user with six thousand days of subjects among two thousand with three each.
const DAYS: [&str; 4] = [
    "SET session_replication_role = replica",
    "INSERT INTO performance_days (tenant_id, user_id, local_date, subject_type, subject_id,
            subject_name, sessions, active_seconds, tests, test_accuracy, flashcards,
            flashcards_correct, assignments, assignment_items)
        SELECT 'ffffffff-ffff-ffff-ffff-ffffffffffff',
            lpad(to_hex(GREATEST(i - 6000, 0) / 3), 32, '0')::uuid,
            date '2026-01-01' + i / 17 % 365, 'course', (i % 17)::text, '', 1, 1, 0, 0, 0, 0, 0, 0
        FROM generate_series(0, 11999) AS i
        ON CONFLICT DO NOTHING",
    "RESET session_replication_role",
    "ANALYZE",
];

#[tokio::test]
async fn names_of_subjects_are_found_without_reading_all_days_of_a_user() {
    let url = pg::database().await;
    let pools = postgres::open(&url, None, true).await.unwrap();
    let mut conn = pools.own().await.unwrap();
    for sql in DAYS {
        conn.execute(sql).await.unwrap();
    }
    drop(conn);
    let plan = plan(&mut *write(&pools).await, performance::SUM_SUBJECTS).await;
    assert!(plan.contains("local_date = s.last_date"), "{plan}");
    assert!(
        !plan.contains("Index Cond: ((tenant_id = $1) AND (user_id = $2))"),
        "{plan}"
    );
}

#[tokio::test]
async fn tables_that_have_grown_are_looked_at_once() {
    const LARGE: &str = "SELECT relname::text FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
            AND reltuples >= 1000 ORDER BY 1";
    let url = pg::database().await;
    let pools = postgres::open(&url, None, true).await.unwrap();
    let mut conn = pools.own().await.unwrap();
    for sql in TENANTS.iter().filter(|sql| **sql != "ANALYZE") {
        conn.execute(*sql).await.unwrap();
    }
    // Others see what a connection counted when it gets round to saying so.
    let tell = "SELECT pg_stat_force_next_flush()";
    conn.execute(tell).await.unwrap();
    Postgres::learn_tables(&mut conn).await.unwrap();
    let known: Vec<String> = sqlx::query_scalar(LARGE)
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    assert_eq!(known, ["user_sessions", "users"]);
    conn.execute(tell).await.unwrap();
    assert_eq!(Postgres::learn_tables(&mut conn).await.unwrap(), 0);
}

/// How a statement of which the parameters are not known is carried out.
async fn plan(conn: &mut PgConnection, sql: &str) -> String {
    let prepare = AssertSqlSafe(format!("PREPARE one AS {sql}"));
    conn.execute(prepare).await.unwrap();
    let count = "SELECT cardinality(parameter_types) FROM pg_prepared_statements
        WHERE name = 'one'";
    let count: i32 = sqlx::query_scalar(count)
        .fetch_one(&mut *conn)
        .await
        .unwrap();
    let nulls = vec!["NULL"; usize::try_from(count).unwrap()].join(", ");
    let explain = AssertSqlSafe(format!("EXPLAIN EXECUTE one({nulls})"));
    let lines: Vec<String> = sqlx::query_scalar(explain)
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    conn.execute("DEALLOCATE one").await.unwrap();
    lines.join("\n")
}
