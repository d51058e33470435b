//! PostgreSQL's row security: whom dwell acts as, and whether that keeps tenants apart.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, error::DatabaseError};

use super::{OpenError, sql::dialect::Reader};
use crate::domain::ids::TenantId;

/// Takes on both roles and lays them down again, or changes nothing.
const TRY_ROLES: &str = "SET ROLE dwell_jobs; SET ROLE dwell_tenant; RESET ROLE";

/// Roles are the server's, so dwell on another database may be making them just now. Whoever made
/// one may not act as it before it is granted.
const MAKE_ROLES: &str = "
    DO $$
    DECLARE
        role text;
    BEGIN
        FOREACH role IN ARRAY ARRAY['dwell_jobs', 'dwell_tenant'] LOOP
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                BEGIN
                    EXECUTE format('CREATE ROLE %I NOLOGIN', role);
                EXCEPTION WHEN duplicate_object OR unique_violation THEN
                END;
            END IF;
            BEGIN
                EXECUTE format('SET LOCAL ROLE %I', role);
                RESET ROLE;
            EXCEPTION WHEN insufficient_privilege THEN
                EXECUTE format('GRANT %I TO CURRENT_USER', role);
            END;
        END LOOP;
    END $$";
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// What a superuser may run instead.
const SELECT_HOW_TO_MAKE_ROLES: &str = "
    SELECT COALESCE(string_agg(format('CREATE ROLE %I NOLOGIN; ', role), '' ORDER BY role)
            FILTER (WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)), '')
        || format('GRANT dwell_jobs, dwell_tenant TO %I', current_user) AS sql,
        current_user::text AS login
    FROM unnest(ARRAY['dwell_jobs', 'dwell_tenant']) AS role";

/// As whoever serves, for no tenant. An index finds nothing at once, and no table is read.
const BEGIN_PROBE: &str =
    "BEGIN READ ONLY; SET LOCAL ROLE dwell_tenant; SET LOCAL enable_seqscan = off";

const SELECT_BYPASSES: &str = "
    SELECT rolsuper OR rolbypassrls AS bypasses FROM pg_roles WHERE rolname = current_user";

/// Each table of a tenant's: whether whoever serves owns it, and whether policies bind everyone.
const SELECT_TABLES: &str = "
    SELECT c.oid::regclass::text AS name,
        pg_has_role(current_user, c.relowner, 'MEMBER') AS owned,
        c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (
            SELECT FROM pg_policy p
            WHERE p.polrelid = c.oid AND current_user::regrole::oid = ANY (p.polroles)) AS guarded
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
        AND a.attname = 'tenant_id' AND NOT a.attisdropped
    ORDER BY name";

/// Makes a transaction act as whoever serves, for no tenant yet.
pub const SERVE: &str = "SET LOCAL ROLE dwell_tenant";

/// Makes a transaction that serves do so for this tenant.
pub fn act_for(tenant: TenantId) -> String {
    format!("SET LOCAL dwell.tenant_id = '{}'", tenant.uuid())
}

/// Makes a transaction act for the reader, and see no more.
pub fn act_as(reader: Reader) -> String {
    match reader {
        Reader::Tenant(tenant) => format!("{SERVE}; {}", act_for(tenant)),
        Reader::Jobs => "SET LOCAL ROLE dwell_jobs".to_owned(),
    }
}

/// Makes the roles, and lets this login act as them, unless that is so.
///
/// # Errors
/// [`OpenError::NotApart`] with what a superuser is to run, if this login may not.
pub async fn make_roles(conn: &mut PgConnection) -> Result<(), OpenError> {
    if may_act(conn).await? {
        return Ok(());
    }
    let Err(error) = conn.execute(MAKE_ROLES).await else {
        return Ok(());
    };
    let code = error.as_database_error().and_then(DatabaseError::code);
    // Somebody else may have granted them meanwhile.
    if may_act(conn).await? {
        Ok(())
    } else if code.as_deref() == Some(INSUFFICIENT_PRIVILEGE) {
        Err(OpenError::NotApart(roles_missing(conn).await?))
    } else {
        Err(error.into())
    }
}

/// Fails unless what dwell serves as is kept to one tenant's rows.
pub async fn insist(conn: &mut PgConnection) -> Result<(), OpenError> {
    find_gap(conn)
        .await?
        .map_or(Ok(()), |gap| Err(OpenError::NotApart(gap)))
}

/// Why tenants are not kept apart, in one line; `None` if they are.
pub async fn find_gap(conn: &mut PgConnection) -> sqlx::Result<Option<String>> {
    if !may_act(conn).await? {
        return roles_missing(conn).await.map(Some);
    }
    let mut tx = conn.begin_with(BEGIN_PROBE).await?;
    let role = sqlx::query(SELECT_BYPASSES).fetch_one(&mut *tx).await?;
    if role.try_get("bypasses")? {
        return Ok(Some("dwell_tenant bypasses row security".to_owned()));
    }
    let mut probes = vec!["false".to_owned()];
    for table in sqlx::query(SELECT_TABLES).fetch_all(&mut *tx).await? {
        let name: String = table.try_get("name")?;
        if table.try_get("owned")? {
            return Ok(Some(format!("dwell_tenant owns {name}")));
        }
        if !table.try_get::<bool, _>("guarded")? {
            return Ok(Some(format!("row security is not forced on {name}")));
        }
        probes.push(format!("EXISTS (SELECT FROM {name})"));
    }
    let probe = format!("SELECT {} AS sees", probes.join(" OR "));
    let probe = sqlx::query(AssertSqlSafe(probe))
        .fetch_one(&mut *tx)
        .await?;
    let sees = probe.try_get::<Option<bool>, _>("sees")?.unwrap_or(false);
    Ok(sees.then(|| "dwell_tenant sees rows of no tenant that it is set to".to_owned()))
}

async fn may_act(conn: &mut PgConnection) -> sqlx::Result<bool> {
    match conn.execute(TRY_ROLES).await {
        Ok(_) => Ok(true),
        Err(sqlx::Error::Database(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn roles_missing(conn: &mut PgConnection) -> sqlx::Result<String> {
    let row = sqlx::query(SELECT_HOW_TO_MAKE_ROLES)
        .fetch_one(conn)
        .await?;
    let (login, sql): (String, String) = (row.try_get("login")?, row.try_get("sql")?);
    Ok(format!(
        "{login} may not act as dwell_jobs and dwell_tenant; let a superuser run: {sql}"
    ))
}
