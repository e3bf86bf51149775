-- requires: iu_core
CREATE FUNCTION iu_core.fn_iu_right_rank(p_right text)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT coalesce(array_position(ARRAY['reviewer', 'operator', 'approver', 'admin'], p_right), 0) $$;
COMMENT ON FUNCTION iu_core.fn_iu_right_rank(text) IS 'reviewer 1, operator 2, approver 3, admin 4, anything else 0: each may what the lower may';
REVOKE ALL ON FUNCTION iu_core.fn_iu_right_rank(text) FROM PUBLIC;
