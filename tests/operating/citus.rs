//! `dwell migrate` on Citus, with a stand-in that knows some of its rules. It proves which tables
//! are distributed, in which order, once; not that Citus takes them.

use dwell::store;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::support::postgres;

/// Like Citus it refuses a table twice, one beside a table that is not distributed, and one that
/// refers to such a table.
const STAND_IN: &str = "
    SET allow_system_table_mods = on;
    INSERT INTO pg_extension
        (oid, extname, extowner, extnamespace, extrelocatable, extversion)
        VALUES (90000, 'citus', 10, 'public'::regnamespace, false, '13.0');
    CREATE TABLE pg_dist_partition (position serial, logicalrelid regclass PRIMARY KEY);
    CREATE FUNCTION create_distributed_table(
        table_name regclass, distribution_column text, colocate_with text
    ) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        ASSERT distribution_column = 'tenant_id';
        ASSERT colocate_with = CASE table_name::text WHEN 'tenants' THEN 'default'
            ELSE (SELECT logicalrelid::text FROM pg_dist_partition
                WHERE logicalrelid = 'tenants'::regclass) END;
        ASSERT NOT EXISTS (SELECT FROM pg_constraint
            WHERE conrelid = table_name AND contype = 'f'
                AND confrelid NOT IN (SELECT logicalrelid FROM pg_dist_partition));
        INSERT INTO pg_dist_partition (logicalrelid) VALUES (table_name);
    END $$";

const SELECT_DISTRIBUTED: &str =
    "SELECT logicalrelid::text AS name FROM pg_dist_partition ORDER BY position";

const SELECT_TENANTS_TABLES: &str = "
    SELECT table_name::text AS name FROM information_schema.columns
    WHERE table_schema = 'public' AND column_name = 'tenant_id'
    ORDER BY table_name";

async fn names(conn: &mut PgConnection, sql: &'static str) -> Vec<String> {
    let rows = sqlx::query(sql).fetch_all(conn).await.unwrap();
    rows.iter().map(|row| row.get("name")).collect()
}

#[tokio::test]
async fn every_table_of_a_tenants_is_distributed_once_after_what_it_refers_to() {
    let url = postgres::database().await;
    let mut conn = PgConnection::connect(&url).await.unwrap();
    conn.execute(AssertSqlSafe(STAND_IN)).await.unwrap();
    store::migrate(&url).await.unwrap();
    let distributed = names(&mut conn, SELECT_DISTRIBUTED).await;
    assert_eq!(distributed[0], "tenants");
    let mut sorted = distributed.clone();
    sorted.sort();
    assert_eq!(sorted, names(&mut conn, SELECT_TENANTS_TABLES).await);

    // A later table comes to the others, which stay as they are.
    let later = "CREATE TABLE a_later_one (tenant_id uuid REFERENCES tenants);
        SELECT guard_tenant_tables()";
    conn.execute(later).await.unwrap();
    store::migrate(&url).await.unwrap();
    let again = names(&mut conn, SELECT_DISTRIBUTED).await;
    assert_eq!(
        again,
        [distributed, vec!["a_later_one".to_owned()]].concat()
    );
}
