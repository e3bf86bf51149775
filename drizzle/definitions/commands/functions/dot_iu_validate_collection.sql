-- requires: fn_iu_collection_findings, iu_core
CREATE FUNCTION iu_core.dot_iu_validate_collection(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_findings jsonb;
BEGIN
  SELECT coalesce(jsonb_agg(jsonb_strip_nulls(to_jsonb(f)) ORDER BY f.finding, f.piece), '[]') INTO v_findings FROM fn_iu_collection_findings(v_collection.id) AS f;
  PERFORM fn_iu_outbox_append('collection_validated', 'iu_collection', ARRAY[v_collection.canonical_address],
    ARRAY[jsonb_build_object('collection_address', v_collection.canonical_address, 'findings', jsonb_array_length(v_findings))]);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'findings', encode(sha256(convert_to(v_findings::text, 'UTF8')), 'hex')),
    'refs', jsonb_build_array('collection:' || v_collection.canonical_address),
    'result', jsonb_build_object('findings', jsonb_path_query_array(v_findings, '$[0 to 199]'), 'count', jsonb_array_length(v_findings)),
    'outcome', (SELECT jsonb_build_object('code', CASE WHEN n > 0 THEN 'not_valid' END, 'would', s, 'did', s)
                FROM jsonb_array_length(v_findings) AS n CROSS JOIN LATERAL (SELECT CASE n WHEN 0 THEN 'Nothing is wrong with it.' WHEN 1 THEN '1 finding' ELSE n || ' findings' END AS s) AS t),
    'checks', jsonb_build_array(jsonb_build_object('name', 'findings_stand', 'kind', 'findings', 'collection', v_collection.canonical_address, 'revision', v_collection.revision, 'count', jsonb_array_length(v_findings))),
    'irreversible', 'Nothing but an event was written.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_validate_collection(jsonb, jsonb) IS 'Checks a collection and names what it finds';
REVOKE ALL ON FUNCTION iu_core.dot_iu_validate_collection(jsonb, jsonb) FROM PUBLIC;
