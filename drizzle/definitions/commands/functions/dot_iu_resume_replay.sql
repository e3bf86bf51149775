-- requires: fn_dot_replay_switched, iu_core
CREATE FUNCTION iu_core.dot_iu_resume_replay(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT fn_dot_replay_switched((p_params ->> 'replay')::bigint, true) $$;
COMMENT ON FUNCTION iu_core.dot_iu_resume_replay(jsonb, jsonb) IS 'Lets a stopped background replay go on where it was';
REVOKE ALL ON FUNCTION iu_core.dot_iu_resume_replay(jsonb, jsonb) FROM PUBLIC;
