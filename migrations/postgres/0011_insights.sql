-- What insights read instead of thousands of sessions, and how they know what they read before.

-- What a day's ended sessions said, added up by key: sessions and seconds of each type, words,
-- scores, topics, areas. It stands in the row that each end writes anyway. An older dwell leaves it
-- alone, and so do the days of before: there the counts are of fewer sessions than sessions_ended
-- says, and the sessions themselves are read.
ALTER TABLE user_usage_stats ADD COLUMN outcomes jsonb NOT NULL DEFAULT '{}';

-- Which state of performance_days and performance_months a day of the tenant's is in: whoever
-- counted the users of some days before need not count them again as long as these rows are what
-- they were. Each batch writes one for each day that it adds to, after all else, as it does with
-- tenant_usage_days. To forget users is rare: it changes the row of 1999-12-30, which is of all
-- days.
CREATE TABLE performance_changes (
    tenant_id  uuid        NOT NULL,
    local_date date        NOT NULL,
    number     bigint      NOT NULL DEFAULT 1,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, local_date)
) WITH (fillfactor = 50);

SELECT guard_tenant_tables();
