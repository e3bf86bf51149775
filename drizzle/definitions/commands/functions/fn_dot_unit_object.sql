-- requires: fn_dot_unit_facts, information_unit, iu_core, unit_version
CREATE FUNCTION iu_core.fn_dot_unit_object(p_before iu_core.information_unit, p_unit_id bigint)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_strip_nulls(jsonb_build_object('ref', 'unit:' || u.canonical_address, 'change', CASE WHEN (p_before).id IS NULL THEN 'create' ELSE 'update' END,
           'before', CASE WHEN (p_before).id IS NOT NULL THEN jsonb_build_object('status', (p_before).lifecycle_status, 'kind', (p_before).unit_kind, 'title', (p_before).title, 'version', v.version_seq, 'sha256', encode(v.content_digest, 'hex'), 'bytes', v.byte_length) END,
           'after', fn_dot_unit_facts(u)))
  FROM information_unit AS u
  LEFT JOIN unit_version AS v ON v.unit_id = (p_before).id AND v.version_seq = (p_before).current_version_seq
  WHERE u.id = p_unit_id
$$;
COMMENT ON FUNCTION iu_core.fn_dot_unit_object(iu_core.information_unit, bigint) IS 'A unit in a plan''s diff: born when p_before is null, else as it was and as it is now';
REVOKE ALL ON FUNCTION iu_core.fn_dot_unit_object(iu_core.information_unit, bigint) FROM PUBLIC;
