-- What the sessions of a day said, once more as text: a year of it is read in one answer, and to
-- write jsonb out as text takes PostgreSQL several times as long as to read the rows. PostgreSQL
-- keeps it itself, whoever writes the day, so an older dwell keeps it too. Adding it writes all days
-- anew; nobody reads or writes days meanwhile.
ALTER TABLE user_usage_stats
    ADD COLUMN outcomes_text text GENERATED ALWAYS AS (CAST(outcomes AS text)) STORED;
