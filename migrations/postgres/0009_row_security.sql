-- The second wall between tenants: rows that a statement forgot to keep apart, PostgreSQL does.
--
-- dwell takes on one of two roles in each transaction (SET LOCAL ROLE), whoever it logs in as. It
-- makes them before it migrates, unless they are there; nobody logs in as them.
--   dwell_tenant  serves. It owns nothing. It sees and writes rows of the one tenant that its
--                 transaction has set in dwell.tenant_id, and none if there is none.
--   dwell_jobs    finds the tenants that there is something to do for. It reads all rows and
--                 writes none: what is to be done for a tenant is done as dwell_tenant.
--
-- FORCE binds the owner too. The policy of the jobs lets the owner through all the same, for three
-- reasons: the dwell before this one serves as the owner; a backfill that sees no row would say
-- nothing; and so would a backup. dwell never serves as the owner, and checks that at each start.
--
-- A migration that makes a table with a tenant_id ends with SELECT guard_tenant_tables(). If it
-- does not, dwell_tenant has no right to the table, and dwell refuses to start. A backfill needs
-- nothing of its own: it is the owner's.

-- Row security for each table of a tenant's that has none yet.
CREATE OR REPLACE FUNCTION guard_tenant_tables() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    guarded record;
BEGIN
    FOR guarded IN
        SELECT c.oid::regclass AS name, pg_get_userbyid(c.relowner) AS owner
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
            AND a.attname = 'tenant_id' AND NOT a.attisdropped AND NOT c.relforcerowsecurity
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
            guarded.name);
        -- After a transaction that set it the setting is empty, not NULL.
        EXECUTE format('CREATE POLICY one_tenant ON %s TO dwell_tenant
            USING (tenant_id = NULLIF(current_setting(''dwell.tenant_id'', true), '''')::uuid)
            WITH CHECK (tenant_id = NULLIF(current_setting(''dwell.tenant_id'', true), '''')::uuid)',
            guarded.name);
        EXECUTE format('CREATE POLICY all_tenants ON %s TO dwell_jobs, %I USING (true)',
            guarded.name, guarded.owner);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO dwell_tenant', guarded.name);
        EXECUTE format('GRANT SELECT ON %s TO dwell_jobs', guarded.name);
    END LOOP;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO dwell_tenant, dwell_jobs', current_schema());
END $$;

REVOKE ALL ON FUNCTION guard_tenant_tables() FROM PUBLIC;

SELECT guard_tenant_tables();

-- What a login needs that serves and does not own: it inherits the rights of dwell_jobs.
GRANT SELECT, INSERT ON service_keys TO dwell_jobs;
GRANT SELECT ON _sqlx_migrations TO dwell_jobs;
