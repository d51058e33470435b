-- What the lanes run is planned once for all tenants, as for one with the mean number of rows. Where
-- that is a handful, PostgreSQL reads all rows of the tenant and looks among them for those of the
-- batch: for a large tenant among many small ones that would be thousands for each. So it is told
-- that a tenant has a thousand rows: that there are a thousandth as many tenants. (SQLite is told in
-- sqlite_stat1.)
DO $$
DECLARE name text;
BEGIN
    FOR name IN
        SELECT c.oid::regclass::text FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
        WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
            AND c.relname <> 'tenants'
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN tenant_id SET (n_distinct = -0.001)', name);
        EXECUTE format('ANALYZE %s', name);
    END LOOP;
END $$;
