\set tenant random(1, :tenants)
\set user random(1, :users)
WITH login AS (
    UPDATE users SET login_count = login_count + 1, last_login_at = now(),
        last_session_start = now(), last_active_at = now(), updated_at = now()
    WHERE tenant_id = lpad(to_hex(:tenant::int), 32, '0')::uuid
        AND id = (lpad(to_hex(:tenant::int), 16, '0') || lpad(to_hex(:user::int), 16, '0'))::uuid
    RETURNING tenant_id, id
), day AS (
    INSERT INTO user_usage_stats (tenant_id, user_id, usage_date, login_count, active_seconds,
        simulation_runs, documents_accessed, feature_usage, sessions_started,
        sessions_completed, updated_at)
    SELECT tenant_id, id, current_date, 1, 0, 0, 0, '{}', 1, 0, now() FROM login
    ON CONFLICT (tenant_id, user_id, usage_date) DO UPDATE SET
        login_count = user_usage_stats.login_count + 1,
        sessions_started = user_usage_stats.sessions_started + 1, updated_at = now()
)
-- Ids sort by time, as dwell's do: random ones would be dearer.
INSERT INTO user_sessions (tenant_id, id, user_id, session_type, client_type, client_info,
    ip_address, focus_mode, location, state, started_at, start_date, last_active_at, pauses,
    duration_seconds, notes, items_correct, points_earned, sweep_at, created_at, updated_at)
SELECT tenant_id,
    (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0')
        || substr(gen_random_uuid()::text, 14))::uuid,
    id, 'normal', 'web', 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101',
    '203.0.113.7', false, '', 1, now(), current_date, now(), '[]', 0, '', 0, 0,
    now() + interval '30 minutes', now(), now()
FROM login;
