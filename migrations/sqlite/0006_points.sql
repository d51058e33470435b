-- Points on their way to the service that keeps them. A row is written in the transaction that
-- earns the points and deleted once they are delivered, so what is here is either new or failed.
--
-- A user's rows are a line: only its head is sent, and the others wait behind it. Those who look
-- for work find new rows and heads by due_at; a row that was found behind its head is taken out
-- of that index until its turn comes. So a look costs as much as there is to do, not as much as
-- there is, after a day without a receiver too.
CREATE TABLE points_outbox (
    -- The order of rows is that of their commits, as whoever writes is alone. It is a row's
    -- place in the file and no key of anything. A number is not used again, so that a late word
    -- of a row that is gone is of no other one.
    position         INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id        BLOB    NOT NULL,
    user_id          BLOB    NOT NULL,
    -- 1 session, 2 activity.
    reference_type   INTEGER NOT NULL,
    reference_id     BLOB    NOT NULL,
    points           INTEGER NOT NULL CHECK (points > 0),
    created_at       INTEGER NOT NULL,
    -- When to look at the row: at once, at the end of the lease of whoever sends it, or when it
    -- is to be tried again. NULL is not before those ahead of it are done, or never.
    due_at           INTEGER,
    attempts         INTEGER NOT NULL DEFAULT 0,
    first_attempt_at INTEGER,
    -- Given up, and kept for an operator to see.
    set_aside_at     INTEGER CHECK (set_aside_at IS NULL OR due_at IS NULL),
    -- What earned the points earns them once.
    CONSTRAINT uq_points_outbox_tenant_reference
        UNIQUE (tenant_id, reference_type, reference_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE INDEX ix_points_outbox_tenant_user ON points_outbox (tenant_id, user_id, position);
CREATE INDEX ix_points_outbox_tenant_due ON points_outbox (tenant_id, due_at)
    WHERE due_at IS NOT NULL;

-- As for the other tables: what a large tenant is like.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('points_outbox', 'sqlite_autoindex_points_outbox_1', '1000000 10000 5000 1'),
    ('points_outbox', 'ix_points_outbox_tenant_user', '1000000 10000 10 1'),
    ('points_outbox', 'ix_points_outbox_tenant_due', '100000 1000 1');
ANALYZE sqlite_schema;
