-- requires: iu_account, iu_core
CREATE FUNCTION iu_core.fn_dot_account_object(p_before iu_core.iu_account, p_account_id bigint)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_strip_nulls(jsonb_build_object('ref', 'account:' || a.account, 'change', CASE WHEN (p_before).id IS NULL THEN 'create' ELSE 'update' END,
    'before', CASE WHEN (p_before).id IS NOT NULL THEN jsonb_build_object('status', (p_before).status, 'right', (p_before).account_right, 'display_name', (p_before).display_name) END,
    'after', jsonb_build_object('status', a.status, 'right', a.account_right, 'display_name', a.display_name)))
  FROM iu_account AS a WHERE a.id = p_account_id
$$;
COMMENT ON FUNCTION iu_core.fn_dot_account_object(iu_core.iu_account, bigint) IS 'An account in a plan''s diff, without its secrets: born when p_before is null';
REVOKE ALL ON FUNCTION iu_core.fn_dot_account_object(iu_core.iu_account, bigint) FROM PUBLIC;
