-- Goals that users set, and how far along they are.

-- How many goals of the user are ACTIVE: whoever locks the row is told by it whether there are
-- goals to count for. It can be taken from, and what a batch adds is checked before it is added:
-- so there is no CHECK.
ALTER TABLE users ADD COLUMN active_goals INTEGER NOT NULL DEFAULT 0;

-- A goal. What was counted for it stands in the row, so that a session's end adds to it, and a
-- read of it reads nothing else.
CREATE TABLE goals (
    tenant_id        BLOB    NOT NULL,
    id               BLOB    NOT NULL,
    user_id          BLOB    NOT NULL,
    goal_type        INTEGER NOT NULL CHECK (goal_type BETWEEN 1 AND 6),
    name             TEXT    NOT NULL,
    description      TEXT    NOT NULL,
    target_value     REAL    NOT NULL CHECK (target_value > 0),
    unit             TEXT    NOT NULL,
    start_date       TEXT    NOT NULL,
    target_date      TEXT    NOT NULL,
    status           INTEGER NOT NULL CHECK (status BETWEEN 1 AND 4),
    priority         INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 3),
    -- NULL is once.
    recurrence       INTEGER CHECK (recurrence BETWEEN 1 AND 3),
    reminder_enabled INTEGER NOT NULL,
    subject_type     TEXT,
    subject_id       TEXT,
    subject_name     TEXT,
    -- Seconds, accuracies of tests in hundredths of a percent, items, correct items, or days in
    -- a row; and how many tests or items they are the sum of.
    counted          INTEGER NOT NULL CHECK (counted >= 0),
    samples          INTEGER NOT NULL CHECK (samples >= 0),
    -- Of a streak.
    last_practised   TEXT,
    -- What was said by hand in the place of what was counted until then, and how much that was.
    given_value      REAL    CHECK (given_value >= 0),
    given_counted    INTEGER CHECK (given_counted >= 0),
    -- The latest day in goal_progress.
    progress_date    TEXT,
    completed_at     INTEGER,
    fingerprint      BLOB,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CHECK (target_date >= start_date)
) STRICT;

-- A user's goals as they are listed.
CREATE INDEX ix_goals_tenant_user_target ON goals (tenant_id, user_id, target_date, id);
-- Those that a session's end looks at, and those that expire.
CREATE INDEX ix_goals_tenant_user_active ON goals (tenant_id, user_id) WHERE status = 1;
CREATE INDEX ix_goals_tenant_target_active ON goals (tenant_id, target_date) WHERE status = 1;

-- The value that a goal came to on each day on which it moved. It goes with its goal.
CREATE TABLE goal_progress (
    tenant_id     BLOB    NOT NULL,
    goal_id       BLOB    NOT NULL,
    progress_date TEXT    NOT NULL,
    user_id       BLOB    NOT NULL,
    value         REAL    NOT NULL CHECK (value >= 0),
    notes         TEXT,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, goal_id, progress_date),
    FOREIGN KEY (tenant_id, goal_id) REFERENCES goals (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;

-- A user's progress, to export or delete it.
CREATE INDEX ix_goal_progress_tenant_user ON goal_progress (tenant_id, user_id);
