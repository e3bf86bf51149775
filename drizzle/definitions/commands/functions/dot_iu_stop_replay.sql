-- requires: fn_dot_replay_switched, iu_core
CREATE FUNCTION iu_core.dot_iu_stop_replay(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT fn_dot_replay_switched((p_params ->> 'replay')::bigint, false) $$;
COMMENT ON FUNCTION iu_core.dot_iu_stop_replay(jsonb, jsonb) IS 'Stops a background replay after the batch under way; what it has not attempted stays as it is';
REVOKE ALL ON FUNCTION iu_core.dot_iu_stop_replay(jsonb, jsonb) FROM PUBLIC;
