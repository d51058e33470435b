-- The ledger's first tables.
--
-- Every primary, unique and foreign key begins with tenant_id: a neighbour's rows cannot be
-- guessed through a conflict, a row cannot refer to another tenant's, and PostgreSQL's
-- distributed forms can take tenant_id as the distribution column.

-- A tenant appears at its first write, with the service's defaults.
CREATE TABLE tenants (
    tenant_id                 uuid             NOT NULL,
    -- The zone that the tenant began with, and the changes since, as [[micros, "zone"], ...]:
    -- days before a change stay what they were.
    time_zone                 text             NOT NULL,
    time_zone_changes         jsonb            NOT NULL,
    -- NULL is never, or any number.
    idle_timeout_seconds      bigint,
    max_lifetime_seconds      bigint,
    max_open_sessions         bigint,
    over_limit_policy         smallint         NOT NULL,
    client_types              jsonb            NOT NULL,
    session_retention_seconds bigint,
    client_retention_seconds  bigint,
    points_per_minute         double precision NOT NULL,
    points_per_correct_item   double precision NOT NULL,
    created_at                timestamptz      NOT NULL,
    updated_at                timestamptz      NOT NULL,
    PRIMARY KEY (tenant_id)
);

-- A user appears at the first write too. Who it is stays with the auth service.
CREATE TABLE users (
    tenant_id           uuid        NOT NULL REFERENCES tenants (tenant_id),
    id                  uuid        NOT NULL,
    login_count         bigint      NOT NULL CHECK (login_count >= 0),
    last_login_at       timestamptz,
    last_session_start  timestamptz,
    last_active_at      timestamptz NOT NULL,
    total_usage_seconds bigint      NOT NULL CHECK (total_usage_seconds >= 0),
    first_seen_at       timestamptz NOT NULL,
    -- The earliest day with use: a user is new in the period that holds it.
    first_date          date,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- The dormant: the longest silent first.
CREATE INDEX ix_users_tenant_last_active ON users (tenant_id, last_active_at, id);
-- New users of a period.
CREATE INDEX ix_users_tenant_first_date ON users (tenant_id, first_date);

CREATE TABLE user_sessions (
    tenant_id           uuid        NOT NULL,
    id                  uuid        NOT NULL,
    user_id             uuid        NOT NULL,
    session_type        text        NOT NULL,
    client_type         text        NOT NULL,
    client_info         text        NOT NULL,
    ip_address          text,
    subject_type        text,
    subject_id          text,
    subject_name        text,
    focus_mode          boolean     NOT NULL,
    location            text        NOT NULL,
    metadata            jsonb,
    -- 1 active, 2 paused, 3 ended, as in the API.
    state               smallint    NOT NULL CHECK (state BETWEEN 1 AND 3),
    started_at          timestamptz NOT NULL,
    -- The local day of the start, by the tenant's zone of that time.
    start_date          date        NOT NULL,
    last_active_at      timestamptz NOT NULL,
    paused_at           timestamptz,
    -- Pauses that are over, as [[micros, micros], ...]: days need them one by one.
    pauses              jsonb       NOT NULL,
    ended_at            timestamptz,
    end_reason          smallint,
    -- Of an ended session; 0 while it is open.
    duration_seconds    bigint      NOT NULL CHECK (duration_seconds >= 0),
    completion_status   smallint,
    notes               text        NOT NULL,
    mood_rating         smallint    CHECK (mood_rating BETWEEN 1 AND 5),
    productivity_rating smallint    CHECK (productivity_rating BETWEEN 1 AND 5),
    result              jsonb,
    items_correct       bigint      NOT NULL CHECK (items_correct >= 0),
    points_earned       bigint      NOT NULL CHECK (points_earned >= 0),
    -- When the sweep looks at an open session: never after it is over. Heartbeats leave it
    -- alone, so they change no index of this table.
    sweep_at            timestamptz,
    fingerprint         bytea,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    -- Which types a tenant allows is its own setting, which a check cannot read: dwell holds
    -- it, and the check holds what is true of all of them.
    CONSTRAINT ck_user_sessions_client_type
        CHECK (client_type ~ '^[a-z][a-z0-9_]{0,49}$'),
    -- A check cannot read another table, but a foreign key that begins with the tenant can:
    -- a session of another tenant's user is impossible.
    CONSTRAINT ck_user_sessions_tenant_consistency
        FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CONSTRAINT ck_user_sessions_ended
        CHECK ((state = 3) = (ended_at IS NOT NULL) AND (state = 3) = (end_reason IS NOT NULL))
) WITH (fillfactor = 85);

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
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    session_id      uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    activity_type   text        NOT NULL,
    content_type    text        NOT NULL,
    content_id      text        NOT NULL,
    started_at      timestamptz NOT NULL,
    ended_at        timestamptz NOT NULL,
    items_completed bigint      NOT NULL CHECK (items_completed >= 0),
    items_correct   bigint      NOT NULL CHECK (items_correct BETWEEN 0 AND items_completed),
    points_earned   bigint      NOT NULL CHECK (points_earned >= 0),
    metadata        jsonb,
    fingerprint     bytea,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, session_id) REFERENCES user_sessions (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

CREATE INDEX ix_session_activities_tenant_session
    ON session_activities (tenant_id, session_id, started_at, id);

CREATE TABLE user_usage_stats (
    tenant_id          uuid        NOT NULL,
    user_id            uuid        NOT NULL,
    usage_date         date        NOT NULL,
    login_count        bigint      NOT NULL CHECK (login_count >= 0),
    active_seconds     bigint      NOT NULL CHECK (active_seconds >= 0),
    simulation_runs    bigint      NOT NULL CHECK (simulation_runs >= 0),
    documents_accessed bigint      NOT NULL CHECK (documents_accessed >= 0),
    feature_usage      jsonb       NOT NULL,
    sessions_started   bigint      NOT NULL CHECK (sessions_started >= 0),
    sessions_completed bigint      NOT NULL CHECK (sessions_completed >= 0),
    updated_at         timestamptz NOT NULL,
    CONSTRAINT uq_user_usage_stats_tenant_user_date
        PRIMARY KEY (tenant_id, user_id, usage_date),
    -- As with sessions: a day of another tenant's user is impossible.
    CONSTRAINT ck_user_usage_stats_tenant_consistency
        FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) WITH (fillfactor = 85);

-- Streams and reports read a tenant's days in order.
CREATE INDEX ix_user_usage_stats_tenant_date_user
    ON user_usage_stats (tenant_id, usage_date, user_id);

-- What makes RecordUsage count once: requests that were carried out, for a day and more.
CREATE TABLE usage_requests (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    user_id     uuid        NOT NULL,
    usage_date  date        NOT NULL,
    fingerprint bytea       NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

CREATE INDEX ix_usage_requests_tenant_created ON usage_requests (tenant_id, created_at);

-- Keys of the service itself, shared by all its instances: page tokens are signed with one.
CREATE TABLE service_keys (
    name text  NOT NULL PRIMARY KEY,
    key  bytea NOT NULL
);
