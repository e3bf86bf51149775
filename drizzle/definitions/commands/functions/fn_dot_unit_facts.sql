-- requires: information_unit, iu_core, unit_version
CREATE FUNCTION iu_core.fn_dot_unit_facts(p_unit iu_core.information_unit)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT jsonb_build_object('status', (p_unit).lifecycle_status, 'kind', (p_unit).unit_kind, 'title', (p_unit).title, 'version', v.version_seq, 'sha256', encode(v.content_digest, 'hex'), 'bytes', v.byte_length)
  FROM unit_version AS v WHERE v.unit_id = (p_unit).id AND v.version_seq = (p_unit).current_version_seq
$$;
COMMENT ON FUNCTION iu_core.fn_dot_unit_facts(iu_core.information_unit) IS 'A unit in a plan''s diff: status, version, digest and size';
REVOKE ALL ON FUNCTION iu_core.fn_dot_unit_facts(iu_core.information_unit) FROM PUBLIC;
