-- As in PostgreSQL, where text is another form of it. Here it is text already, and nothing more is
-- stored.
ALTER TABLE user_usage_stats
    ADD COLUMN outcomes_text TEXT GENERATED ALWAYS AS (outcomes) VIRTUAL;
