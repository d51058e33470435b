-- Goals that users set, and how far along they are.

-- How many goals of the user are ACTIVE: whoever locks the row is told by it whether there are
-- goals to count for. It can be taken from, and what a batch adds is checked before it is added:
-- so there is no CHECK.
ALTER TABLE users ADD COLUMN active_goals bigint NOT NULL DEFAULT 0;

-- A goal. What was counted for it stands in the row, so that a session's end adds to it, and a
-- read of it reads nothing else.
CREATE TABLE goals (
    tenant_id        uuid             NOT NULL,
    id               uuid             NOT NULL,
    user_id          uuid             NOT NULL,
    goal_type        smallint         NOT NULL CHECK (goal_type BETWEEN 1 AND 6),
    name             text             NOT NULL,
    description      text             NOT NULL,
    target_value     double precision NOT NULL CHECK (target_value > 0),
    unit             text             NOT NULL,
    start_date       date             NOT NULL,
    target_date      date             NOT NULL,
    status           smallint         NOT NULL CHECK (status BETWEEN 1 AND 4),
    priority         smallint         NOT NULL CHECK (priority BETWEEN 1 AND 3),
    -- NULL is once.
    recurrence       smallint         CHECK (recurrence BETWEEN 1 AND 3),
    reminder_enabled boolean          NOT NULL,
    subject_type     text,
    subject_id       text,
    subject_name     text,
    -- Seconds, accuracies of tests in hundredths of a percent, items, correct items, or days in
    -- a row; and how many tests or items they are the sum of.
    counted          bigint           NOT NULL CHECK (counted >= 0),
    samples          bigint           NOT NULL CHECK (samples >= 0),
    -- Of a streak.
    last_practised   date,
    -- What was said by hand in the place of what was counted until then, and how much that was.
    given_value      double precision CHECK (given_value >= 0),
    given_counted    bigint           CHECK (given_counted >= 0),
    -- The latest day in goal_progress.
    progress_date    date,
    completed_at     timestamptz,
    fingerprint      bytea,
    created_at       timestamptz      NOT NULL,
    updated_at       timestamptz      NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CHECK (target_date >= start_date)
) WITH (fillfactor = 85);

-- A user's goals as they are listed.
CREATE INDEX ix_goals_tenant_user_target ON goals (tenant_id, user_id, target_date, id);
-- Those that a session's end looks at, and those that expire.
CREATE INDEX ix_goals_tenant_user_active ON goals (tenant_id, user_id) WHERE status = 1;
CREATE INDEX ix_goals_tenant_target_active ON goals (tenant_id, target_date) WHERE status = 1;

-- The value that a goal came to on each day on which it moved. It goes with its goal.
CREATE TABLE goal_progress (
    tenant_id     uuid             NOT NULL,
    goal_id       uuid             NOT NULL,
    progress_date date             NOT NULL,
    user_id       uuid             NOT NULL,
    value         double precision NOT NULL CHECK (value >= 0),
    notes         text,
    updated_at    timestamptz      NOT NULL,
    PRIMARY KEY (tenant_id, goal_id, progress_date),
    FOREIGN KEY (tenant_id, goal_id) REFERENCES goals (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) WITH (fillfactor = 85);

-- A user's progress, to export or delete it.
CREATE INDEX ix_goal_progress_tenant_user ON goal_progress (tenant_id, user_id);
