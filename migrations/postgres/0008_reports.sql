-- What reports tell of a user's days beside the metrics: points, notes, and what a
-- productivity score is made of. Each ended session and each activity adds to its day as it does
-- to the other columns, so reports outlive the sessions that they tell of. Columns are added and
-- none changes; an older dwell leaves them alone.

-- Points for the minutes of ended sessions, and those of activities.
ALTER TABLE performance_days
    ADD COLUMN points_earned bigint NOT NULL DEFAULT 0 CHECK (points_earned >= 0);
-- Ended sessions with notes, and notes activities.
ALTER TABLE performance_days
    ADD COLUMN notes_created bigint NOT NULL DEFAULT 0 CHECK (notes_created >= 0);
-- Ended sessions with a productivity rating, and the sum of those ratings.
ALTER TABLE performance_days
    ADD COLUMN ratings bigint NOT NULL DEFAULT 0 CHECK (ratings >= 0);
ALTER TABLE performance_days
    ADD COLUMN rating_sum bigint NOT NULL DEFAULT 0 CHECK (rating_sum >= 0);
-- The day's own seconds of ended sessions in focus mode.
ALTER TABLE performance_days
    ADD COLUMN focus_seconds bigint NOT NULL DEFAULT 0 CHECK (focus_seconds >= 0);

-- What was there before this. As with the other columns, all of a session counts for the local
-- day of its start: its points with those of its activities, and its time in focus mode.
INSERT INTO performance_days (tenant_id, user_id, local_date, subject_type, subject_id,
    subject_name, sessions, active_seconds, tests, test_accuracy, flashcards, flashcards_correct,
    assignments, assignment_items, points_earned, notes_created, ratings, rating_sum,
    focus_seconds)
SELECT tenant_id, user_id, start_date, subject_type, subject_id, MAX(subject_name),
    0, 0, 0, 0, 0, 0, 0, 0,
    SUM(points_earned), SUM(notes_created), SUM(ratings), SUM(rating_sum), SUM(focus_seconds)
FROM (
    SELECT tenant_id, user_id, start_date, COALESCE(subject_type, '') AS subject_type,
        COALESCE(subject_id, '') AS subject_id, COALESCE(subject_name, '') AS subject_name,
        points_earned,
        CASE WHEN state = 3 AND notes <> '' THEN 1 ELSE 0 END AS notes_created,
        CASE WHEN state = 3 AND productivity_rating IS NOT NULL THEN 1 ELSE 0 END AS ratings,
        CASE WHEN state = 3 THEN COALESCE(productivity_rating, 0) ELSE 0 END AS rating_sum,
        CASE WHEN state = 3 AND focus_mode THEN duration_seconds ELSE 0 END AS focus_seconds
    FROM user_sessions
    UNION ALL
    SELECT s.tenant_id, s.user_id, s.start_date, COALESCE(s.subject_type, ''),
        COALESCE(s.subject_id, ''), COALESCE(s.subject_name, ''), 0, 1, 0, 0, 0
    FROM session_activities a
    JOIN user_sessions s ON s.tenant_id = a.tenant_id AND s.id = a.session_id
    WHERE a.activity_type = 'notes'
) AS parts
WHERE points_earned + notes_created + ratings + focus_seconds > 0
GROUP BY tenant_id, user_id, start_date, subject_type, subject_id
ON CONFLICT (tenant_id, user_id, local_date, subject_type, subject_id) DO UPDATE SET
    points_earned = excluded.points_earned, notes_created = excluded.notes_created,
    ratings = excluded.ratings, rating_sum = excluded.rating_sum,
    focus_seconds = excluded.focus_seconds;
