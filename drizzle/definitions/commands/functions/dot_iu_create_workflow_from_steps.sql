-- requires: fn_dot_collection_created, fn_dot_units, iu_core
CREATE FUNCTION iu_core.dot_iu_create_workflow_from_steps(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_steps constant jsonb := p_params -> 'steps';
  v_wrong text;
  v_given information_unit[];
  v_new text[];
  v_born bigint[] := '{}';
  v_ids bigint[];
  v_id bigint;
BEGIN
  SELECT format('steps[%s]', n - 1) INTO v_wrong FROM jsonb_array_elements(v_steps) WITH ORDINALITY AS g(s, n)
  WHERE (s ? 'piece') = (s ? 'body') OR (s ? 'piece' AND s ? 'title') ORDER BY n LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '%: a step is a piece that exists, or a body with its title', v_wrong USING ERRCODE = 'IU002', COLUMN = v_wrong;
  END IF;
  v_given := fn_dot_units(jsonb_path_query_array(v_steps, '$[*].piece'), 'steps');
  v_new := ARRAY(SELECT fn_iu_piece_address(p_params ->> 'address', n::integer, coalesce(s ->> 'title', '')) FROM jsonb_array_elements(v_steps) WITH ORDINALITY AS g(s, n) WHERE s ? 'body' ORDER BY n);
  IF cardinality(v_new) > 0 THEN
    v_born := fn_iu_create_batch(v_new, array_fill('step'::text, ARRAY[cardinality(v_new)]),
      ARRAY(SELECT s ->> 'body' FROM jsonb_array_elements(v_steps) WITH ORDINALITY AS g(s, n) WHERE s ? 'body' ORDER BY n),
      ARRAY(SELECT coalesce(s ->> 'title', '') FROM jsonb_array_elements(v_steps) WITH ORDINALITY AS g(s, n) WHERE s ? 'body' ORDER BY n));
  END IF;
  SELECT array_agg(u.id ORDER BY x.n) INTO v_ids
  FROM (SELECT coalesce(s ->> 'piece', fn_iu_piece_address(p_params ->> 'address', n::integer, coalesce(s ->> 'title', ''))) AS address, n FROM jsonb_array_elements(v_steps) WITH ORDINALITY AS g(s, n)) AS x
  JOIN information_unit AS u ON u.canonical_address = x.address;
  v_id := fn_iu_compose(p_params ->> 'address', 'workflow', p_params ->> 'title', v_ids, coalesce(p_params ->> 'joiner', E'\n\n'));
  UPDATE iu_collection SET next_piece_no = jsonb_array_length(v_steps) + 1 WHERE id = v_id;
  RETURN fn_dot_collection_created(v_id, (SELECT coalesce(jsonb_agg(fn_dot_unit_object(NULL, b) ORDER BY n), '[]') FROM unnest(v_born) WITH ORDINALITY AS g(b, n)))
    || jsonb_build_object('state', (SELECT coalesce(jsonb_agg(u.current_version_seq ORDER BY u.ordinality), '[]') FROM unnest(v_given) WITH ORDINALITY AS u),
                          'refs', (SELECT coalesce(jsonb_agg('unit:' || u.canonical_address), '[]') FROM unnest(v_given) AS u));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_create_workflow_from_steps(jsonb, jsonb) IS 'Composes a workflow of steps: pieces that exist, or new ones from their text';
REVOKE ALL ON FUNCTION iu_core.dot_iu_create_workflow_from_steps(jsonb, jsonb) FROM PUBLIC;
