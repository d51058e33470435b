-- How dwell knows what became of a commit whose answer was lost. SQLite answers in the same
-- process, so no answer is lost without whoever waits for it, and nothing is written here; the
-- table is there so that both engines have the same ones.
CREATE TABLE write_marks (
    tenant_id  BLOB    NOT NULL,
    writer     BLOB    NOT NULL,
    batch      INTEGER NOT NULL,
    written_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, writer)
) STRICT;
