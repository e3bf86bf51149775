-- requires: fn_dot_text_kept, iu_core
-- Facts have no contract as parameters have: these names stand for terms, addresses and digests. A fact of another name is a text.
CREATE FUNCTION iu_core.fn_dot_facts_kept(p_facts jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT CASE WHEN jsonb_typeof(p_facts) IS DISTINCT FROM 'object' THEN p_facts ELSE (
    SELECT coalesce(jsonb_object_agg(key, CASE
             WHEN jsonb_typeof(value) IN ('number', 'boolean', 'null') OR value IN ('""', '[]', '{}') THEN value
             WHEN key IN ('status', 'kind', 'sha256', 'render_sha256', 'manifest_sha256', 'at', 'piece', 'cloned_from', 'collection', 'after', 'outcome', 'decision', 'findings',
                          'event_type', 'event_domain', 'delivery_lane', 'type', 'subject', 'target_kind', 'route', 'failure', 'state', 'gate', 'gate_state', 'expires_at',
                          'account', 'right', 'scopes', 'password', 'events', 'what', 'workers', 'reads_again', 'by_type', 'results', 'would_become', 'becomes', 'triggers') THEN value
             WHEN key = 'sample' AND jsonb_typeof(value) = 'array' THEN (SELECT coalesce(jsonb_agg(s - 'because' ORDER BY n), '[]') FROM jsonb_array_elements(value) WITH ORDINALITY AS x(s, n))
             ELSE fn_dot_text_kept(value) END), '{}')
    FROM jsonb_each(p_facts)) END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_facts_kept(jsonb) IS 'What a receipt tells of an object or a result, as the ledger keeps it: numbers, terms, names and digests; any text as SHA-256 and bytes';
REVOKE ALL ON FUNCTION iu_core.fn_dot_facts_kept(jsonb) FROM PUBLIC;
