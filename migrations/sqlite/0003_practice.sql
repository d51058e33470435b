-- What practice adds up to, kept as sessions end: figures over all time must not read every
-- session ever, and they stay when sessions are deleted after their retention.
--
-- An end only adds to these rows, and a start writes none of them. The day of its start has a
-- row in user_usage_stats already, so most counters stand there. What was there before is
-- counted here from the sessions that are kept.

-- Ended sessions that started on the day, and the time of the completed ones. An older dwell
-- leaves them alone.
ALTER TABLE user_usage_stats
    ADD COLUMN sessions_ended INTEGER NOT NULL DEFAULT 0 CHECK (sessions_ended >= 0);
ALTER TABLE user_usage_stats
    ADD COLUMN sessions_partial INTEGER NOT NULL DEFAULT 0 CHECK (sessions_partial >= 0);
ALTER TABLE user_usage_stats
    ADD COLUMN sessions_abandoned INTEGER NOT NULL DEFAULT 0 CHECK (sessions_abandoned >= 0);
ALTER TABLE user_usage_stats
    ADD COLUMN completed_seconds INTEGER NOT NULL DEFAULT 0 CHECK (completed_seconds >= 0);

UPDATE user_usage_stats AS d
SET sessions_ended = s.ended, sessions_partial = s.partial, sessions_abandoned = s.abandoned,
    completed_seconds = s.seconds
FROM (
    SELECT tenant_id, user_id, start_date, COUNT(*) AS ended,
        COUNT(CASE WHEN completion_status = 2 THEN 1 END) AS partial,
        COUNT(CASE WHEN completion_status = 3 THEN 1 END) AS abandoned,
        COALESCE(SUM(CASE WHEN completion_status = 1 THEN duration_seconds END), 0) AS seconds
    FROM user_sessions
    WHERE state = 3
    GROUP BY tenant_id, user_id, start_date) AS s
WHERE d.tenant_id = s.tenant_id AND d.user_id = s.user_id AND d.usage_date = s.start_date;

-- Completed sessions by the time of their start. Hours are those of the tenant's time zone,
-- which SQL does not know on every engine; all of them begin with a quarter of an hour of UTC.
-- Both tables below are read by ranges of their keys, which is the order of their rows.
CREATE TABLE user_practice_times (
    tenant_id     BLOB    NOT NULL,
    user_id       BLOB    NOT NULL,
    -- The local day of the start.
    practice_date TEXT    NOT NULL,
    -- Quarters of an hour from midnight UTC of that day.
    utc_quarter   INTEGER NOT NULL,
    sessions      INTEGER NOT NULL CHECK (sessions >= 0),
    PRIMARY KEY (tenant_id, user_id, practice_date, utc_quarter),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT, WITHOUT ROWID;

-- A day may begin before midnight UTC, and division rounds towards zero: two days more, and off
-- again, keep what is divided positive.
INSERT INTO user_practice_times (tenant_id, user_id, practice_date, utc_quarter, sessions)
SELECT tenant_id, user_id, start_date,
    (started_at - 1000000 * unixepoch(start_date) + 172800000000) / 900000000 - 192,
    COUNT(*)
FROM user_sessions
WHERE completion_status = 1
GROUP BY 1, 2, 3, 4;

-- Completed sessions by what they were about.
CREATE TABLE user_subject_days (
    tenant_id     BLOB    NOT NULL,
    user_id       BLOB    NOT NULL,
    subject_type  TEXT    NOT NULL,
    subject_id    TEXT    NOT NULL,
    practice_date TEXT    NOT NULL,
    -- As the session said that was counted last.
    subject_name  TEXT    NOT NULL,
    sessions      INTEGER NOT NULL CHECK (sessions >= 0),
    seconds       INTEGER NOT NULL CHECK (seconds >= 0),
    PRIMARY KEY (tenant_id, user_id, subject_type, subject_id, practice_date),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT, WITHOUT ROWID;

INSERT INTO user_subject_days (tenant_id, user_id, subject_type, subject_id, practice_date,
    subject_name, sessions, seconds)
SELECT tenant_id, user_id, subject_type, subject_id, start_date, MAX(last_name), COUNT(*),
    SUM(duration_seconds)
FROM (
    SELECT tenant_id, user_id, subject_type, COALESCE(subject_id, '') AS subject_id, start_date,
        duration_seconds, FIRST_VALUE(COALESCE(subject_name, '')) OVER (
            PARTITION BY tenant_id, user_id, subject_type, subject_id, start_date
            ORDER BY updated_at DESC, id DESC) AS last_name
    FROM user_sessions
    WHERE completion_status = 1 AND subject_type IS NOT NULL) AS s
GROUP BY tenant_id, user_id, subject_type, subject_id, start_date;

-- As for the other tables: what a large tenant is like.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('user_practice_times', 'sqlite_autoindex_user_practice_times_1', '10000000 100000 100 2 1'),
    ('user_subject_days', 'sqlite_autoindex_user_subject_days_1', '10000000 100000 100 50 20 1');
ANALYZE sqlite_schema;
