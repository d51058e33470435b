-- What performance is computed from, as in PostgreSQL.
--
-- Each ended session and each activity adds to one row of either table, by numbers alone: no row
-- is read before it is written, and the order of additions does not matter. A session that went
-- on after midnight adds its seconds there to the next day's row too. StartSession adds nothing.
--
-- Why two tables. A user's days and weeks, and months by subject, are sums of the user's days:
-- 12 months of somebody who practises three subjects every day are 1,100 rows that lie side by
-- side. A user's months of all subjects are rows as they are. The tenant's mean and a user's rank
-- are not asked of days, as 100,000 users have 3,000,000 of them in a month: they read one row a
-- user, of that month only. That is 0.4 microseconds a row: 4 ms with 10,000 active users, 40 ms
-- with 100,000. An index by metric would not change that, as counting its entries is what takes
-- the time, and would cost each session more than it costs a reader; counts by value, which would,
-- are rows that all of a tenant's writers wait for. Of an ISO week, which no month holds, and of a
-- day, ranks are counted from the days, found by their date: at most 7 rows a user and subject.
-- No counter is in an index, so additions stay within their page.

-- A user's day with one subject; the empty one stands for none.
CREATE TABLE performance_days (
    tenant_id          BLOB    NOT NULL,
    user_id            BLOB    NOT NULL,
    local_date         TEXT    NOT NULL,
    subject_type       TEXT    NOT NULL,
    subject_id         TEXT    NOT NULL,
    -- The latest that was given on the day.
    subject_name       TEXT    NOT NULL,
    -- Ended sessions that started on the day, and the day's own seconds of ended sessions.
    sessions           INTEGER NOT NULL CHECK (sessions >= 0),
    active_seconds     INTEGER NOT NULL CHECK (active_seconds >= 0),
    -- Testing activities with items, and the sum of their accuracies in hundredths of a
    -- percent.
    tests              INTEGER NOT NULL CHECK (tests >= 0),
    test_accuracy      INTEGER NOT NULL CHECK (test_accuracy >= 0),
    -- Items of flashcards activities.
    flashcards         INTEGER NOT NULL CHECK (flashcards >= 0),
    flashcards_correct INTEGER NOT NULL CHECK (flashcards_correct >= 0),
    -- Assignment activities, and their items.
    assignments        INTEGER NOT NULL CHECK (assignments >= 0),
    assignment_items   INTEGER NOT NULL CHECK (assignment_items >= 0),
    PRIMARY KEY (tenant_id, user_id, local_date, subject_type, subject_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- Ranks of a day and of a week.
CREATE INDEX ix_performance_days_tenant_date
    ON performance_days (tenant_id, local_date, user_id);

-- A user's month, with all subjects.
CREATE TABLE performance_months (
    tenant_id          BLOB    NOT NULL,
    -- Its first day.
    month              TEXT    NOT NULL,
    user_id            BLOB    NOT NULL,
    sessions           INTEGER NOT NULL CHECK (sessions >= 0),
    active_seconds     INTEGER NOT NULL CHECK (active_seconds >= 0),
    tests              INTEGER NOT NULL CHECK (tests >= 0),
    test_accuracy      INTEGER NOT NULL CHECK (test_accuracy >= 0),
    flashcards         INTEGER NOT NULL CHECK (flashcards >= 0),
    flashcards_correct INTEGER NOT NULL CHECK (flashcards_correct >= 0),
    assignments        INTEGER NOT NULL CHECK (assignments >= 0),
    assignment_items   INTEGER NOT NULL CHECK (assignment_items >= 0),
    -- Days on which an ended session started: bit 0 is the first. To mark a day again
    -- changes nothing, so the count needs no look at the days.
    attended           INTEGER NOT NULL CHECK (attended >= 0),
    attended_days      INTEGER NOT NULL GENERATED ALWAYS AS (
        (attended >> 0 & 1) + (attended >> 1 & 1) + (attended >> 2 & 1) + (attended >> 3 & 1)
        + (attended >> 4 & 1) + (attended >> 5 & 1) + (attended >> 6 & 1) + (attended >> 7 & 1)
        + (attended >> 8 & 1) + (attended >> 9 & 1) + (attended >> 10 & 1) + (attended >> 11 & 1)
        + (attended >> 12 & 1) + (attended >> 13 & 1) + (attended >> 14 & 1) + (attended >> 15 & 1)
        + (attended >> 16 & 1) + (attended >> 17 & 1) + (attended >> 18 & 1) + (attended >> 19 & 1)
        + (attended >> 20 & 1) + (attended >> 21 & 1) + (attended >> 22 & 1) + (attended >> 23 & 1)
        + (attended >> 24 & 1) + (attended >> 25 & 1) + (attended >> 26 & 1) + (attended >> 27 & 1)
        + (attended >> 28 & 1) + (attended >> 29 & 1) + (attended >> 30 & 1)) STORED,
    PRIMARY KEY (tenant_id, month, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- What was there before this. No SQL of both engines knows the tenants' time zones, so all of a
-- session's time and activities count for the local day of its start, which is kept; from now on
-- each day gets its own.
INSERT INTO performance_days (tenant_id, user_id, local_date, subject_type, subject_id,
    subject_name, sessions, active_seconds, tests, test_accuracy, flashcards, flashcards_correct,
    assignments, assignment_items)
SELECT tenant_id, user_id, start_date, subject_type, subject_id, MAX(subject_name),
    SUM(sessions), SUM(active_seconds), SUM(tests), SUM(test_accuracy), SUM(flashcards),
    SUM(flashcards_correct), SUM(assignments), SUM(assignment_items)
FROM (
    SELECT tenant_id, user_id, start_date, COALESCE(subject_type, '') AS subject_type,
        COALESCE(subject_id, '') AS subject_id, COALESCE(subject_name, '') AS subject_name,
        1 AS sessions, duration_seconds AS active_seconds, 0 AS tests, 0 AS test_accuracy,
        0 AS flashcards, 0 AS flashcards_correct, 0 AS assignments, 0 AS assignment_items
    FROM user_sessions
    WHERE state = 3
    UNION ALL
    SELECT a.tenant_id, a.user_id, s.start_date, COALESCE(s.subject_type, ''),
        COALESCE(s.subject_id, ''), COALESCE(s.subject_name, ''), 0, 0,
        CASE WHEN a.activity_type = 'testing' THEN 1 ELSE 0 END,
        CASE WHEN a.activity_type = 'testing'
            THEN (20000 * a.items_correct + a.items_completed) / (2 * a.items_completed)
            ELSE 0 END,
        CASE WHEN a.activity_type = 'flashcards' THEN a.items_completed ELSE 0 END,
        CASE WHEN a.activity_type = 'flashcards' THEN a.items_correct ELSE 0 END,
        CASE WHEN a.activity_type = 'assignment' THEN 1 ELSE 0 END,
        CASE WHEN a.activity_type = 'assignment' THEN a.items_completed ELSE 0 END
    FROM session_activities a
    JOIN user_sessions s ON s.tenant_id = a.tenant_id AND s.id = a.session_id
    WHERE a.activity_type = 'assignment'
        OR a.activity_type IN ('testing', 'flashcards') AND a.items_completed > 0
) AS parts
GROUP BY tenant_id, user_id, start_date, subject_type, subject_id;

INSERT INTO performance_months (tenant_id, month, user_id, sessions, active_seconds, tests,
    test_accuracy, flashcards, flashcards_correct, assignments, assignment_items, attended)
SELECT tenant_id, substr(local_date, 1, 8) || '01', user_id, SUM(sessions),
    SUM(active_seconds), SUM(tests), SUM(test_accuracy), SUM(flashcards), SUM(flashcards_correct),
    SUM(assignments), SUM(assignment_items),
    COALESCE(SUM(DISTINCT CASE WHEN sessions > 0
        THEN 1 << (CAST(substr(local_date, 9) AS INTEGER) - 1) END), 0)
FROM performance_days
GROUP BY tenant_id, substr(local_date, 1, 8) || '01', user_id;

-- As in the first migration: what a large tenant is like.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('performance_days', 'performance_days', '10000000 100000 100 2 1 1'),
    ('performance_days', 'ix_performance_days_tenant_date', '10000000 100000 500 2 1 1'),
    ('performance_months', 'performance_months', '1000000 10000 1000 1');
ANALYZE sqlite_schema;
