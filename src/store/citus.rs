//! Tables over several machines: PostgreSQL with the Citus extension.
//!
//! Not run on Citus: what is called here is what its documentation says, and the tests have a
//! stand-in for it.

use sqlx::{PgConnection, Row};

const SELECT_CITUS: &str =
    "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'citus') AS here";

/// Each table of a tenant's that is not distributed yet, after those that it refers to and
/// after `tenants`, beside which the others are kept. What has no tenant (`service_keys`, sqlx's
/// own table) stays where it is.
const SELECT_TABLES: &str = "
    WITH RECURSIVE owned AS (
        SELECT c.oid, c.relname FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
            AND NOT c.relispartition AND a.attname = 'tenant_id' AND NOT a.attisdropped
    ), steps (oid, step) AS (
        SELECT oid, 0 FROM owned
        UNION
        SELECT k.conrelid, s.step + 1 FROM steps s
        JOIN pg_constraint k ON k.confrelid = s.oid AND k.contype = 'f' AND k.conrelid <> s.oid
    )
    SELECT o.relname::text AS name
    FROM steps JOIN owned o USING (oid)
    WHERE NOT EXISTS (SELECT 1 FROM pg_dist_partition p WHERE p.logicalrelid = o.oid)
    GROUP BY o.relname
    ORDER BY o.relname <> 'tenants', MAX(step), o.relname";

const DISTRIBUTE: &str = "
    SELECT create_distributed_table($1::text::regclass, 'tenant_id', colocate_with => $2::text)";

/// Distributes the tables by tenant, each tenant's rows of all of them on one machine. Nothing
/// happens without the extension, and to tables that are distributed already.
pub async fn distribute(conn: &mut PgConnection) -> sqlx::Result<()> {
    let row = sqlx::query(SELECT_CITUS).fetch_one(&mut *conn).await?;
    if !row.try_get::<bool, _>("here")? {
        return Ok(());
    }
    let rows = sqlx::query(SELECT_TABLES).fetch_all(&mut *conn).await?;
    for row in rows {
        let table: String = row.try_get("name")?;
        let beside = match &*table {
            "tenants" => "default",
            _ => "tenants",
        };
        sqlx::query(DISTRIBUTE)
            .bind(&table)
            .bind(beside)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}
