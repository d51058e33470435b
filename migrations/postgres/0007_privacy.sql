-- What users and tenants may ask to be forgotten.

-- A deleted user's row stays, with nothing but the ids and this time: so a late write finds that
-- it is not to bring the user back. An older dwell does not look at it: a deletion is safe once
-- no older one runs.
ALTER TABLE users
    ADD COLUMN deleted_at timestamptz,
    -- Rows of the user may be left: they go piece by piece, and a job goes on where a crash
    -- stopped it.
    ADD COLUMN deletion_pending boolean NOT NULL DEFAULT false;
CREATE INDEX ix_users_deletion_pending ON users (tenant_id, id) WHERE deletion_pending;

-- A user's rows lie side by side in an index of each table, so that to count, export and delete
-- them is a walk along a range of it. Other tables have one already.
CREATE INDEX ix_session_activities_tenant_user ON session_activities (tenant_id, user_id, id);
CREATE INDEX ix_usage_requests_tenant_user ON usage_requests (tenant_id, user_id, id);
CREATE INDEX ix_performance_months_tenant_user ON performance_months (tenant_id, user_id, month);

-- Ended sessions whose IP address and client info are there still: what was cleared is in it no
-- more. Sessions to delete need no index of ends, as the index of starts finds them.
CREATE INDEX ix_user_sessions_client ON user_sessions (tenant_id, ended_at)
    WHERE state = 3 AND (ip_address IS NOT NULL OR client_info <> '');

-- Tenants with something to forget by itself.
CREATE INDEX ix_tenants_retention ON tenants (tenant_id)
    WHERE session_retention_seconds IS NOT NULL OR client_retention_seconds IS NOT NULL;
