-- What writes pay for, as in PostgreSQL: no index on what changes with every write, and none
-- that no query reads.

-- Lists of sessions go by started_at; nothing reads the order of creation.
DROP INDEX ix_user_sessions_tenant_user_created;

-- The dormant are listed by day, so that a sign of life changes no index but on the first of a
-- day (UTC). SQLite writes every index on a column that a statement sets, changed or not, and
-- has no stored generated columns to add: so it is triggers that keep it.
ALTER TABLE users ADD COLUMN last_active_date TEXT;
UPDATE users SET last_active_date = date(last_active_at / 1000000, 'unixepoch');
CREATE TRIGGER users_last_active_date_inserted AFTER INSERT ON users
BEGIN
    UPDATE users SET last_active_date = date(new.last_active_at / 1000000, 'unixepoch')
    WHERE rowid = new.rowid;
END;
CREATE TRIGGER users_last_active_date_updated AFTER UPDATE OF last_active_at ON users
WHEN old.last_active_date IS NOT date(new.last_active_at / 1000000, 'unixepoch')
BEGIN
    UPDATE users SET last_active_date = date(new.last_active_at / 1000000, 'unixepoch')
    WHERE rowid = new.rowid;
END;
CREATE INDEX ix_users_tenant_last_active_date ON users (tenant_id, last_active_date, id);
DROP INDEX ix_users_tenant_last_active;

-- Which state of the row it is: what a process remembers of a tenant is checked with each write.
ALTER TABLE tenants ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- Which day rows are new when they are written: RETURNING tells it from an update.
ALTER TABLE user_usage_stats ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;

-- What all users of a tenant add up to, kept with every write, so that a report reads as much
-- for a hundred thousand users as for one.
CREATE TABLE tenant_usage_days (
    tenant_id          BLOB    NOT NULL,
    usage_date         TEXT    NOT NULL,
    login_count        INTEGER NOT NULL CHECK (login_count >= 0),
    active_seconds     INTEGER NOT NULL CHECK (active_seconds >= 0),
    simulation_runs    INTEGER NOT NULL CHECK (simulation_runs >= 0),
    documents_accessed INTEGER NOT NULL CHECK (documents_accessed >= 0),
    sessions_started   INTEGER NOT NULL CHECK (sessions_started >= 0),
    sessions_completed INTEGER NOT NULL CHECK (sessions_completed >= 0),
    PRIMARY KEY (tenant_id, usage_date)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant_usage_features (
    tenant_id  BLOB    NOT NULL,
    usage_date TEXT    NOT NULL,
    feature    TEXT    NOT NULL,
    uses       INTEGER NOT NULL CHECK (uses >= 0),
    PRIMARY KEY (tenant_id, usage_date, feature)
) STRICT, WITHOUT ROWID;

-- How many users were active on a day, by the day on which they were active last before it;
-- 1999-12-31, the day before the first that can be, is for never. Distinct users of any period
-- are those of its days whose day before lies before the period.
CREATE TABLE tenant_usage_users (
    tenant_id     BLOB    NOT NULL,
    usage_date    TEXT    NOT NULL,
    previous_date TEXT    NOT NULL,
    users         INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, usage_date, previous_date)
) STRICT, WITHOUT ROWID;

INSERT INTO tenant_usage_days
SELECT tenant_id, usage_date, SUM(login_count), SUM(active_seconds), SUM(simulation_runs),
    SUM(documents_accessed), SUM(sessions_started), SUM(sessions_completed)
FROM user_usage_stats
GROUP BY tenant_id, usage_date;

INSERT INTO tenant_usage_features
SELECT tenant_id, usage_date, f.key, SUM(f.value)
FROM user_usage_stats, json_each(feature_usage) AS f
GROUP BY tenant_id, usage_date, f.key;

INSERT INTO tenant_usage_users
SELECT tenant_id, usage_date, COALESCE(previous_date, '1999-12-31'), COUNT(*)
FROM (
    SELECT tenant_id, usage_date,
        LAG(usage_date) OVER (PARTITION BY tenant_id, user_id ORDER BY usage_date)
            AS previous_date
    FROM user_usage_stats)
GROUP BY 1, 2, 3;

-- New users are counted there.
DROP INDEX ix_users_tenant_first_date;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('users', 'ix_users_tenant_last_active_date', '1000000 10000 50 1'),
    ('tenant_usage_days', 'tenant_usage_days', '100000 1000 1'),
    ('tenant_usage_features', 'tenant_usage_features', '1000000 10000 10 1'),
    ('tenant_usage_users', 'tenant_usage_users', '5000000 50000 50 1');
DELETE FROM sqlite_stat1
WHERE idx IN ('ix_user_sessions_tenant_user_created', 'ix_users_tenant_last_active',
    'ix_users_tenant_first_date');
ANALYZE sqlite_schema;
