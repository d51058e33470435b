-- How dwell knows what became of a commit whose answer was lost. Each transaction of a tenant's
-- leaves its number in a row of whoever writes, and the number is there if and only if the
-- transaction is. PostgreSQL's own answer (pg_xact_status) is not enough: an id that a crash kept
-- out of the log is given to another transaction, and "committed" is then said of that one.
--
-- A process has one row for each tenant that it writes for, and a new one after each commit in
-- doubt; rows that nobody wrote for a day are deleted. An older dwell leaves the table alone.
CREATE TABLE write_marks (
    tenant_id  uuid        NOT NULL,
    -- A process, made anew after each commit in doubt.
    writer     uuid        NOT NULL,
    -- The number of the writer's last transaction.
    batch      bigint      NOT NULL,
    written_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, writer)
);

SELECT guard_tenant_tables();
