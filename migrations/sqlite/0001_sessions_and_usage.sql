-- The ledger's first tables, as in PostgreSQL: instants are microseconds since 1970, UUIDs are
-- blobs, dates and JSON are text.
--
-- Every primary, unique and foreign key begins with tenant_id: a neighbour's rows cannot be
-- guessed through a conflict, a row cannot refer to another tenant's, and PostgreSQL's
-- distributed forms can take tenant_id as the distribution column.

-- A tenant appears at its first write, with the service's defaults.
CREATE TABLE tenants (
    tenant_id                 BLOB    NOT NULL,
    -- The zone that the tenant began with, and the changes since, as [[micros, "zone"], ...]:
    -- days before a change stay what they were.
    time_zone                 TEXT    NOT NULL,
    time_zone_changes         TEXT    NOT NULL,
    -- NULL is never, or any number.
    idle_timeout_seconds      INTEGER,
    max_lifetime_seconds      INTEGER,
    max_open_sessions         INTEGER,
    over_limit_policy         INTEGER NOT NULL,
    client_types              TEXT    NOT NULL,
    session_retention_seconds INTEGER,
    client_retention_seconds  INTEGER,
    points_per_minute         REAL    NOT NULL,
    points_per_correct_item   REAL    NOT NULL,
    created_at                INTEGER NOT NULL,
    updated_at                INTEGER NOT NULL,
    PRIMARY KEY (tenant_id)
) STRICT;

-- A user appears at the first write too. Who it is stays with the auth service.
CREATE TABLE users (
    tenant_id           BLOB    NOT NULL REFERENCES tenants (tenant_id),
    id                  BLOB    NOT NULL,
    login_count         INTEGER NOT NULL CHECK (login_count >= 0),
    last_login_at       INTEGER,
    last_session_start  INTEGER,
    last_active_at      INTEGER NOT NULL,
    total_usage_seconds INTEGER NOT NULL CHECK (total_usage_seconds >= 0),
    first_seen_at       INTEGER NOT NULL,
    -- The earliest day with use: a user is new in the period that holds it.
    first_date          TEXT,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;

-- The dormant: the longest silent first.
CREATE INDEX ix_users_tenant_last_active ON users (tenant_id, last_active_at, id);
-- New users of a period.
CREATE INDEX ix_users_tenant_first_date ON users (tenant_id, first_date);

CREATE TABLE user_sessions (
    tenant_id           BLOB    NOT NULL,
    id                  BLOB    NOT NULL,
    user_id             BLOB    NOT NULL,
    session_type        TEXT    NOT NULL,
    client_type         TEXT    NOT NULL,
    client_info         TEXT    NOT NULL,
    ip_address          TEXT,
    subject_type        TEXT,
    subject_id          TEXT,
    subject_name        TEXT,
    focus_mode          INTEGER NOT NULL,
    location            TEXT    NOT NULL,
    metadata            TEXT,
    -- 1 active, 2 paused, 3 ended, as in the API.
    state               INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
    started_at          INTEGER NOT NULL,
    -- The local day of the start, by the tenant's zone of that time.
    start_date          TEXT    NOT NULL,
    last_active_at      INTEGER NOT NULL,
    paused_at           INTEGER,
    -- Pauses that are over, as [[micros, micros], ...]: days need them one by one.
    pauses              TEXT    NOT NULL,
    ended_at            INTEGER,
    end_reason          INTEGER,
    -- Of an ended session; 0 while it is open.
    duration_seconds    INTEGER NOT NULL CHECK (duration_seconds >= 0),
    completion_status   INTEGER,
    notes               TEXT    NOT NULL,
    mood_rating         INTEGER CHECK (mood_rating BETWEEN 1 AND 5),
    productivity_rating INTEGER CHECK (productivity_rating BETWEEN 1 AND 5),
    result              TEXT,
    items_correct       INTEGER NOT NULL CHECK (items_correct >= 0),
    points_earned       INTEGER NOT NULL CHECK (points_earned >= 0),
    -- When the sweep looks at an open session: never after it is over. Heartbeats leave it
    -- alone, so they change no index of this table.
    sweep_at            INTEGER,
    fingerprint         BLOB,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    -- Which types a tenant allows is its own setting, which a check cannot read: dwell holds
    -- it, and the check holds what is true of all of them.
    CONSTRAINT ck_user_sessions_client_type
        CHECK (client_type GLOB '[a-z]*' AND length(client_type) <= 50),
    -- A check cannot read another table, but a foreign key that begins with the tenant can:
    -- a session of another tenant's user is impossible.
    CONSTRAINT ck_user_sessions_tenant_consistency
        FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CONSTRAINT ck_user_sessions_ended
        CHECK ((state = 3) = (ended_at IS NOT NULL) AND (state = 3) = (end_reason IS NOT NULL))
) STRICT;

CREATE INDEX ix_user_sessions_tenant_user_created
    ON user_sessions (tenant_id, user_id, created_at DESC);
-- Pages of sessions, newest start first: a user's, a client type's, the whole tenant's.
CREATE INDEX ix_user_sessions_tenant_user_started
    ON user_sessions (tenant_id, user_id, started_at DESC, id DESC);
CREATE INDEX ix_user_sessions_tenant_client_type
    ON user_sessions (tenant_id, client_type, started_at DESC, id DESC);
CREATE INDEX ix_user_sessions_tenant_started
    ON user_sessions (tenant_id, started_at DESC, id DESC);
-- Open sessions only, so they stay small: a user's, and those to sweep.
CREATE INDEX ix_user_sessions_open ON user_sessions (tenant_id, user_id) WHERE state < 3;
CREATE INDEX ix_user_sessions_sweep ON user_sessions (tenant_id, sweep_at) WHERE state < 3;

CREATE TABLE session_activities (
    tenant_id       BLOB    NOT NULL,
    id              BLOB    NOT NULL,
    session_id      BLOB    NOT NULL,
    user_id         BLOB    NOT NULL,
    activity_type   TEXT    NOT NULL,
    content_type    TEXT    NOT NULL,
    content_id      TEXT    NOT NULL,
    started_at      INTEGER NOT NULL,
    ended_at        INTEGER NOT NULL,
    items_completed INTEGER NOT NULL CHECK (items_completed >= 0),
    items_correct   INTEGER NOT NULL CHECK (items_correct BETWEEN 0 AND items_completed),
    points_earned   INTEGER NOT NULL CHECK (points_earned >= 0),
    metadata        TEXT,
    fingerprint     BLOB,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES user_sessions (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE INDEX ix_session_activities_tenant_session
    ON session_activities (tenant_id, session_id, started_at, id);

CREATE TABLE user_usage_stats (
    tenant_id          BLOB    NOT NULL,
    user_id            BLOB    NOT NULL,
    usage_date         TEXT    NOT NULL,
    login_count        INTEGER NOT NULL CHECK (login_count >= 0),
    active_seconds     INTEGER NOT NULL CHECK (active_seconds >= 0),
    simulation_runs    INTEGER NOT NULL CHECK (simulation_runs >= 0),
    documents_accessed INTEGER NOT NULL CHECK (documents_accessed >= 0),
    feature_usage      TEXT    NOT NULL,
    sessions_started   INTEGER NOT NULL CHECK (sessions_started >= 0),
    sessions_completed INTEGER NOT NULL CHECK (sessions_completed >= 0),
    updated_at         INTEGER NOT NULL,
    CONSTRAINT uq_user_usage_stats_tenant_user_date
        PRIMARY KEY (tenant_id, user_id, usage_date),
    -- As with sessions: a day of another tenant's user is impossible.
    CONSTRAINT ck_user_usage_stats_tenant_consistency
        FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

-- Streams and reports read a tenant's days in order.
CREATE INDEX ix_user_usage_stats_tenant_date_user
    ON user_usage_stats (tenant_id, usage_date, user_id);

-- What makes RecordUsage count once: requests that were carried out, for a day and more.
CREATE TABLE usage_requests (
    tenant_id   BLOB    NOT NULL,
    id          BLOB    NOT NULL,
    user_id     BLOB    NOT NULL,
    usage_date  TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE INDEX ix_usage_requests_tenant_created ON usage_requests (tenant_id, created_at);

-- Keys of the service itself, shared by all its instances: page tokens are signed with one.
CREATE TABLE service_keys (
    name TEXT NOT NULL PRIMARY KEY,
    key  BLOB NOT NULL
) STRICT;

-- SQLite gathers no statistics by itself, and without them it takes a tenant for some ten rows
-- and reads all of them for each batch. These tell it what a large tenant is like: rows in all,
-- then rows for each longer prefix of the index. A later ANALYZE replaces them.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('tenants', 'sqlite_autoindex_tenants_1', '1000 1'),
    ('users', 'sqlite_autoindex_users_1', '1000000 10000 1'),
    ('users', 'ix_users_tenant_last_active', '1000000 10000 2 1'),
    ('users', 'ix_users_tenant_first_date', '1000000 10000 50'),
    ('user_sessions', 'sqlite_autoindex_user_sessions_1', '10000000 100000 1'),
    ('user_sessions', 'ix_user_sessions_tenant_user_created', '10000000 100000 20 1'),
    ('user_sessions', 'ix_user_sessions_tenant_user_started', '10000000 100000 20 1 1'),
    ('user_sessions', 'ix_user_sessions_tenant_client_type', '10000000 100000 20000 2 1'),
    ('user_sessions', 'ix_user_sessions_tenant_started', '10000000 100000 2 1'),
    ('user_sessions', 'ix_user_sessions_open', '100000 1000 2'),
    ('user_sessions', 'ix_user_sessions_sweep', '100000 1000 2'),
    ('session_activities', 'sqlite_autoindex_session_activities_1', '10000000 100000 1'),
    ('session_activities', 'ix_session_activities_tenant_session', '10000000 100000 5 1 1'),
    ('user_usage_stats', 'sqlite_autoindex_user_usage_stats_1', '10000000 100000 100 1'),
    ('user_usage_stats', 'ix_user_usage_stats_tenant_date_user', '10000000 100000 500 1'),
    ('usage_requests', 'sqlite_autoindex_usage_requests_1', '1000000 10000 1'),
    ('usage_requests', 'ix_usage_requests_tenant_created', '1000000 10000 2');
ANALYZE sqlite_schema;
