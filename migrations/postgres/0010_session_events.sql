-- What happens to sessions, for those who watch. A row is written in the transaction that it tells
-- of, and deleted when it was kept long enough.
--
-- Events are told in the order of their transactions' numbers, and only those below the oldest
-- transaction that still writes: no sequence says who commits first. (Of this server: all databases
-- of it, so a transaction that stays open in any of them holds events back, and loses none.) What
-- else was weighed is a counter of each tenant's, locked until the commit: it knows no strangers,
-- but it has all writes of a tenant wait for each other's commits.
--
-- A row holds what changes in a session's life, as it was after the event. The rest is read from
-- the session. So a row is small whatever callers say, and what is deleted or cleared of a session
-- is so for those who watch.
--
-- Nothing refers to users or sessions: a row is written with them and lives for hours, and a check
-- of each would cost as much as the row.
CREATE TABLE session_events (
    tenant_id       uuid        NOT NULL,
    -- The server and its history: restored elsewhere, or after a standby took over, transactions
    -- are counted anew.
    epoch           bigint      NOT NULL,
    -- The number of the transaction.
    position        bigint      NOT NULL,
    -- Among the tenant's events of the transaction.
    number          bigint      NOT NULL,
    user_id         uuid        NOT NULL,
    session_id      uuid        NOT NULL,
    -- The session's: the id of a deleted one may be used again.
    started_at      timestamptz NOT NULL,
    -- 1 started, 2 paused, 3 resumed, 4 ended, 5 activity logged.
    kind            smallint    NOT NULL CHECK (kind BETWEEN 1 AND 5),
    created_at      timestamptz NOT NULL,
    state           smallint    NOT NULL,
    last_active_at  timestamptz NOT NULL,
    paused_at       timestamptz,
    ended_at        timestamptz,
    end_reason      smallint,
    duration_micros bigint      NOT NULL CHECK (duration_micros >= 0),
    points_earned   bigint      NOT NULL,
    expires_at      timestamptz,
    PRIMARY KEY (tenant_id, epoch, position, number)
);

CREATE INDEX ix_session_events_tenant_user
    ON session_events (tenant_id, user_id, epoch, position, number);

-- The last event that was deleted for its age: whoever goes on from before it has missed some.
CREATE TABLE session_event_trims (
    tenant_id uuid   NOT NULL,
    epoch     bigint NOT NULL,
    position  bigint NOT NULL,
    number    bigint NOT NULL,
    PRIMARY KEY (tenant_id, epoch)
);

SELECT guard_tenant_tables();
