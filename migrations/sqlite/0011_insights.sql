-- What insights read instead of thousands of sessions, and how they know what they read before, as
-- in PostgreSQL.

-- What a day's ended sessions said, added up by key: sessions and seconds of each type, words,
-- scores, topics, areas. It stands in the row that each end writes anyway. An older dwell leaves it
-- alone, and so do the days of before: there the counts are of fewer sessions than sessions_ended
-- says, and the sessions themselves are read.
ALTER TABLE user_usage_stats ADD COLUMN outcomes TEXT NOT NULL DEFAULT '{}';

-- Which state of performance_days and performance_months a day of the tenant's is in: whoever
-- counted the users of some days before need not count them again as long as these rows are what
-- they were. Each batch writes one for each day that it adds to. To forget users is rare: it
-- changes the row of 1999-12-30, which is of all days.
CREATE TABLE performance_changes (
    tenant_id  BLOB    NOT NULL,
    local_date TEXT    NOT NULL,
    number     INTEGER NOT NULL DEFAULT 1,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, local_date)
) STRICT, WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('performance_changes', 'performance_changes', '100000 1000 1');
ANALYZE sqlite_schema;
