-- What practice adds up to, kept as sessions end: figures over all time must not read every
-- session ever, and they stay when sessions are deleted after their retention.
--
-- An end only adds to these rows, and a start writes none of them. The day of its start has a
-- row in user_usage_stats already, so most counters stand there. What was there before is
-- counted here from the sessions that are kept.

-- Ended sessions that started on the day, and the time of the completed ones. An older dwell
-- leaves them alone.
ALTER TABLE user_usage_stats
    ADD COLUMN sessions_ended bigint NOT NULL DEFAULT 0 CHECK (sessions_ended >= 0),
    ADD COLUMN sessions_partial bigint NOT NULL DEFAULT 0 CHECK (sessions_partial >= 0),
    ADD COLUMN sessions_abandoned bigint NOT NULL DEFAULT 0 CHECK (sessions_abandoned >= 0),
    ADD COLUMN completed_seconds bigint NOT NULL DEFAULT 0 CHECK (completed_seconds >= 0);

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
CREATE TABLE user_practice_times (
    tenant_id     uuid     NOT NULL,
    user_id       uuid     NOT NULL,
    -- The local day of the start.
    practice_date date     NOT NULL,
    -- Quarters of an hour from midnight UTC of that day.
    utc_quarter   smallint NOT NULL,
    sessions      bigint   NOT NULL CHECK (sessions >= 0),
    PRIMARY KEY (tenant_id, user_id, practice_date, utc_quarter),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) WITH (fillfactor = 85);

INSERT INTO user_practice_times (tenant_id, user_id, practice_date, utc_quarter, sessions)
SELECT tenant_id, user_id, start_date,
    floor(extract(epoch FROM started_at - (start_date::timestamp AT TIME ZONE 'UTC')) / 900),
    COUNT(*)
FROM user_sessions
WHERE completion_status = 1
GROUP BY 1, 2, 3, 4;

-- Completed sessions by what they were about. Types and ids are in the order of code points on
-- both engines, as equal counts are listed by them.
CREATE TABLE user_subject_days (
    tenant_id     uuid             NOT NULL,
    user_id       uuid             NOT NULL,
    subject_type  text COLLATE "C" NOT NULL,
    subject_id    text COLLATE "C" NOT NULL,
    practice_date date             NOT NULL,
    -- As the session said that was counted last.
    subject_name  text             NOT NULL,
    sessions      bigint           NOT NULL CHECK (sessions >= 0),
    seconds       bigint           NOT NULL CHECK (seconds >= 0),
    PRIMARY KEY (tenant_id, user_id, subject_type, subject_id, practice_date),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) WITH (fillfactor = 85);

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
