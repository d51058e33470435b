-- What writes pay for: no index on what changes with every write, and none that no query reads.

-- Lists of sessions go by started_at; nothing reads the order of creation.
DROP INDEX ix_user_sessions_tenant_user_created;

-- The dormant are listed by day, so that a sign of life changes no index but on the first of a
-- day (UTC), and the user's row is updated in place.
ALTER TABLE users
    ADD COLUMN last_active_date date NOT NULL
        GENERATED ALWAYS AS (CAST(last_active_at AT TIME ZONE 'UTC' AS date)) STORED;
CREATE INDEX ix_users_tenant_last_active_date ON users (tenant_id, last_active_date, id);
DROP INDEX ix_users_tenant_last_active;
ALTER TABLE users SET (fillfactor = 85);

-- Which state of the row it is: what a process remembers of a tenant is checked with each write.
ALTER TABLE tenants ADD COLUMN version bigint NOT NULL DEFAULT 1;

-- Which day rows are new when they are written: RETURNING tells it from an update.
ALTER TABLE user_usage_stats ADD COLUMN revision bigint NOT NULL DEFAULT 1;

-- What all users of a tenant add up to, kept with every write, so that a report reads as much
-- for a hundred thousand users as for one.
CREATE TABLE tenant_usage_days (
    tenant_id          uuid   NOT NULL,
    usage_date         date   NOT NULL,
    login_count        bigint NOT NULL CHECK (login_count >= 0),
    active_seconds     bigint NOT NULL CHECK (active_seconds >= 0),
    simulation_runs    bigint NOT NULL CHECK (simulation_runs >= 0),
    documents_accessed bigint NOT NULL CHECK (documents_accessed >= 0),
    sessions_started   bigint NOT NULL CHECK (sessions_started >= 0),
    sessions_completed bigint NOT NULL CHECK (sessions_completed >= 0),
    PRIMARY KEY (tenant_id, usage_date)
) WITH (fillfactor = 50);

CREATE TABLE tenant_usage_features (
    tenant_id  uuid   NOT NULL,
    usage_date date   NOT NULL,
    feature    text   NOT NULL,
    uses       bigint NOT NULL CHECK (uses >= 0),
    PRIMARY KEY (tenant_id, usage_date, feature)
) WITH (fillfactor = 50);

-- How many users were active on a day, by the day on which they were active last before it;
-- 1999-12-31, the day before the first that can be, is for never. Distinct users of any period
-- are those of its days whose day before lies before the period.
CREATE TABLE tenant_usage_users (
    tenant_id     uuid   NOT NULL,
    usage_date    date   NOT NULL,
    previous_date date   NOT NULL,
    users         bigint NOT NULL,
    PRIMARY KEY (tenant_id, usage_date, previous_date)
) WITH (fillfactor = 50);

INSERT INTO tenant_usage_days
SELECT tenant_id, usage_date, SUM(login_count), SUM(active_seconds), SUM(simulation_runs),
    SUM(documents_accessed), SUM(sessions_started), SUM(sessions_completed)
FROM user_usage_stats
GROUP BY tenant_id, usage_date;

INSERT INTO tenant_usage_features
SELECT tenant_id, usage_date, f.key, SUM(CAST(f.value AS bigint))
FROM user_usage_stats, jsonb_each_text(feature_usage) AS f
GROUP BY tenant_id, usage_date, f.key;

INSERT INTO tenant_usage_users
SELECT tenant_id, usage_date, COALESCE(previous_date, '1999-12-31'), COUNT(*)
FROM (
    SELECT tenant_id, usage_date,
        LAG(usage_date) OVER (PARTITION BY tenant_id, user_id ORDER BY usage_date)
            AS previous_date
    FROM user_usage_stats) AS days
GROUP BY 1, 2, 3;

-- New users are counted there.
DROP INDEX ix_users_tenant_first_date;
