-- What happens to sessions, for those who watch. A row is written in the transaction that it tells
-- of, and deleted when it was kept long enough.
--
-- A row holds what changes in a session's life, as it was after the event. The rest is read from
-- the session. So a row is small whatever callers say, and what is deleted or cleared of a session
-- is so for those who watch.
--
-- Nothing refers to users or sessions: a row is written with them and lives for hours, and a check
-- of each would cost as much as the row.
CREATE TABLE session_events (
    -- The order of rows is that of their commits, as whoever writes is alone. A number is not used
    -- again, so that who goes on after a row that is gone misses nothing.
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id       BLOB    NOT NULL,
    -- PostgreSQL's, where positions may begin anew: 0.
    epoch           INTEGER NOT NULL,
    -- Among the tenant's events of the transaction.
    number          INTEGER NOT NULL,
    user_id         BLOB    NOT NULL,
    session_id      BLOB    NOT NULL,
    -- The session's: the id of a deleted one may be used again.
    started_at      INTEGER NOT NULL,
    -- 1 started, 2 paused, 3 resumed, 4 ended, 5 activity logged.
    kind            INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 5),
    created_at      INTEGER NOT NULL,
    state           INTEGER NOT NULL,
    last_active_at  INTEGER NOT NULL,
    paused_at       INTEGER,
    ended_at        INTEGER,
    end_reason      INTEGER,
    duration_micros INTEGER NOT NULL CHECK (duration_micros >= 0),
    points_earned   INTEGER NOT NULL,
    expires_at      INTEGER
) STRICT;

CREATE INDEX ix_session_events_tenant ON session_events (tenant_id, epoch, position, number);
CREATE INDEX ix_session_events_tenant_user
    ON session_events (tenant_id, user_id, epoch, position, number);

-- The last event that was deleted for its age: whoever goes on from before it has missed some.
CREATE TABLE session_event_trims (
    tenant_id BLOB    NOT NULL,
    epoch     INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, epoch)
) STRICT, WITHOUT ROWID;

-- As for the other tables: what a large tenant is like.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('session_events', 'ix_session_events_tenant', '1000000 10000 10000 1 1'),
    ('session_events', 'ix_session_events_tenant_user', '1000000 10000 10 10 1 1'),
    ('session_event_trims', 'session_event_trims', '1000 1 1');
ANALYZE sqlite_schema;
