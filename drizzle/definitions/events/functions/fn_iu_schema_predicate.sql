-- requires: fn_iu_pattern_problem
-- The predicate must be true or false, never unknown: an unknown inside a negation would let a bad
-- payload through. So every accessor stands behind a check of the type that it needs, and every one of a
-- key behind one that it is there. In lax mode that is a look at the key itself; a filter over elements
-- would unwrap those that are arrays there, so a schema with items is asked strictly, where a key that is not
-- there is an error, and whether it is there unknown. To go through the pairs would take each name of the payload once for each of the schema.
-- A required key is looked for once: its type, where its schema names one, is false of a key that is not there.
CREATE FUNCTION iu_core.fn_iu_schema_predicate(p_schema jsonb, p_is_lax boolean, p_base text DEFAULT '$', p_depth integer DEFAULT 0)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_known constant text[] := ARRAY['type', 'required', 'properties', 'additionalProperties', 'items', 'enum', 'const', 'minimum', 'maximum',
                                   'exclusiveMinimum', 'exclusiveMaximum', 'pattern', 'title', 'description', 'examples', '$schema'];
  v_types constant text[] := ARRAY['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];
  v_parts text[] := '{}';
  v_key text;
  v_value jsonb;
  v_list text;
  v_not_object constant text := CASE WHEN p_schema -> 'type' = '"object"' THEN '' ELSE format('!(%s.type() == "object") || ', p_base) END;
  v_not_number constant text := CASE WHEN p_schema -> 'type' IN ('"number"', '"integer"') THEN '' ELSE format('!(%s.type() == "number") || ', p_base) END;
BEGIN
  IF jsonb_typeof(p_schema) IS DISTINCT FROM 'object' OR p_depth > 8 THEN
    RAISE EXCEPTION 'payload_schema: a schema is a JSON object, nested at most 8 deep' USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
  END IF;
  -- The type first: what stands behind it rests on it.
  FOR v_key, v_value IN SELECT key, value FROM jsonb_each(p_schema) ORDER BY key <> 'type' LOOP
    IF v_key <> ALL (v_known) THEN
      RAISE EXCEPTION 'payload_schema: keyword "%" is not supported', v_key
        USING ERRCODE = 'IU002', COLUMN = 'payload_schema', HINT = 'Supported: ' || array_to_string(v_known, ', ');
    END IF;
    CASE
      WHEN v_key = 'type' AND jsonb_typeof(v_value) IN ('string', 'array') THEN
        SELECT string_agg(CASE
                 WHEN t = 'integer' THEN format('(%1$s.type() == "number" && %1$s.floor() == %1$s)', p_base)
                 ELSE format('%s.type() == %s', p_base, to_json(t)) END, ' || ')
        INTO v_list
        FROM jsonb_array_elements_text(CASE jsonb_typeof(v_value) WHEN 'array' THEN v_value ELSE jsonb_build_array(v_value) END) AS t
        HAVING bool_and(t = ANY (v_types));
        IF v_list IS NULL THEN
          RAISE EXCEPTION 'payload_schema: type must name %', array_to_string(v_types, ', ') USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
        END IF;
        v_parts := v_parts || format('(%s)', v_list);
      WHEN v_key = 'required' AND jsonb_typeof(v_value) = 'array' AND NOT jsonb_path_exists(v_value, '$[*] ? (@.type() != "string")') THEN
        SELECT string_agg(format(CASE WHEN p_is_lax THEN 'exists(%s.%s)' ELSE '!((exists(%s.%s)) is unknown)' END, p_base, to_json(k)), ' && ')
        INTO v_list FROM jsonb_array_elements_text(v_value) AS k WHERE NOT p_is_lax OR (p_schema -> 'properties' -> k ? 'type') IS NOT TRUE;
        IF v_list IS NOT NULL THEN
          v_parts := v_parts || format('(%s(%s))', v_not_object, v_list);
        END IF;
      WHEN v_key = 'properties' AND jsonb_typeof(v_value) = 'object' THEN
        SELECT string_agg(CASE WHEN p_is_lax
                 THEN format(CASE WHEN p_schema -> 'required' ? key THEN '(%3$s)' ELSE '(!exists(%1$s.%2$s) || (%3$s))' END, p_base, to_json(key), fn_iu_schema_predicate(value, true, format('%s.%s', p_base, to_json(key)), p_depth + 1))
                 ELSE format('((exists(%1$s.%2$s)) is unknown || (%3$s))', p_base, to_json(key), fn_iu_schema_predicate(value, false, format('%s.%s', p_base, to_json(key)), p_depth + 1)) END, ' && ')
        INTO v_list FROM jsonb_each(v_value);
        v_parts := v_parts || format('(%s(%s))', v_not_object, coalesce(v_list, '1 == 1'));
      WHEN v_key = 'additionalProperties' AND jsonb_typeof(v_value) = 'boolean' THEN
        -- The root's are seen by fn_iu_payload_meets: here each name that there is would become an object first.
        IF NOT v_value::boolean AND p_depth > 0 THEN
          SELECT string_agg(format('@.key == %s', to_json(k)), ' || ') INTO v_list FROM jsonb_object_keys(coalesce(p_schema -> 'properties', '{}')) AS k;
          v_parts := v_parts || format('(%s!exists(%s.keyvalue() ? (!(%s))))', v_not_object, p_base, coalesce(v_list, '1 == 0'));
        END IF;
      WHEN v_key = 'items' AND jsonb_typeof(v_value) = 'object' THEN
        v_parts := v_parts || format('(!(%1$s.type() == "array") || !exists(%1$s[*] ? (!(%2$s))))', p_base, fn_iu_schema_predicate(v_value, false, '@', p_depth + 1));
      WHEN v_key IN ('enum', 'const') AND (v_key = 'const' OR jsonb_typeof(v_value) = 'array' AND jsonb_array_length(v_value) > 0) THEN
        SELECT string_agg(format('(%1$s.type() == %2$s && %1$s == %3$s)', p_base, to_json(jsonb_typeof(e)), e), ' || ')
        INTO v_list
        FROM jsonb_array_elements(CASE v_key WHEN 'enum' THEN v_value ELSE jsonb_build_array(v_value) END) AS e
        HAVING bool_and(jsonb_typeof(e) NOT IN ('object', 'array'));
        IF v_list IS NULL THEN
          RAISE EXCEPTION 'payload_schema: % takes strings, numbers, booleans and null', v_key USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
        END IF;
        v_parts := v_parts || format('(%s)', v_list);
      WHEN v_key IN ('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum') AND jsonb_typeof(v_value) = 'number' THEN
        v_parts := v_parts || format('(%s%s %s %s)', v_not_number, p_base,
          CASE v_key WHEN 'minimum' THEN '>=' WHEN 'maximum' THEN '<=' WHEN 'exclusiveMinimum' THEN '>' ELSE '<' END, v_value);
      WHEN v_key = 'pattern' AND jsonb_typeof(v_value) = 'string' THEN
        -- Before the server compiles it, which alone may take it minutes.
        v_list := fn_iu_pattern_problem(v_value #>> '{}');
        IF v_list IS NOT NULL THEN
          RAISE EXCEPTION 'payload_schema: pattern %: %', left(v_value::text, 200), v_list
            USING ERRCODE = 'IU002', COLUMN = 'payload_schema', HINT = 'Ask for less: a plainer pattern, its type, or an enum.';
        END IF;
        BEGIN
          PERFORM format('$ like_regex %s', v_value)::jsonpath;
        EXCEPTION WHEN OTHERS THEN
          RAISE EXCEPTION 'payload_schema: pattern %: %', v_value, SQLERRM USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
        END;
        v_parts := v_parts || format('(!(%1$s.type() == "string") || %1$s like_regex %2$s)', p_base, v_value);
      WHEN v_key IN ('title', 'description', 'examples', '$schema') THEN
        NULL;
      ELSE
        RAISE EXCEPTION 'payload_schema: the value of "%" has the wrong type (%)', v_key, jsonb_typeof(v_value) USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
    END CASE;
  END LOOP;
  RETURN CASE cardinality(v_parts) WHEN 0 THEN '1 == 1' ELSE array_to_string(v_parts, ' && ') END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_schema_predicate(jsonb, boolean, text, integer) IS 'Compiles a payload schema, but for the names that its root forbids, to the text of a jsonpath predicate over p_base, for lax mode (no schema with items) or for strict mode; IU002 for a keyword or value outside the subset';
REVOKE ALL ON FUNCTION iu_core.fn_iu_schema_predicate(jsonb, boolean, text, integer) FROM PUBLIC;
