-- requires: fn_iu_json_unbounded
-- Runs for bad rows only; says in words what the compiled predicate only answers with no. It stops at
-- twenty: a person reads them, and a long list of bad items must not hold up a pass. Nor must a page of which each
-- event is bad: where a plain expression does no query is made, and one long expression is begun sooner than many short ones.
-- A payload that was written before there was a bound, or past it, is not put into words: that alone could take the server's memory.
CREATE FUNCTION iu_core.fn_iu_payload_problems(p_payload jsonb, p_schema jsonb, p_path text DEFAULT '$')
RETURNS text[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_payload constant jsonb := p_payload #> '{}';     -- unpacked once, not for each of its names
  v_type constant text := jsonb_typeof(v_payload);
  v_number constant numeric := CASE v_type WHEN 'number' THEN v_payload::numeric END;
  v_wanted text[];
  v_problems text[];
  v_keys jsonb;
  v_key text;
  v_value jsonb;
BEGIN
  IF p_path = '$' THEN
    v_key := fn_iu_json_unbounded(v_payload, 67108864);
    IF v_key IS NOT NULL THEN
      RAISE EXCEPTION 'payload: %', v_key USING ERRCODE = 'IU002', COLUMN = 'payload';
    END IF;
  END IF;
  -- What a schema does not ask for is null, and compares to null.
  v_problems := array_remove(ARRAY[
    CASE WHEN p_schema ? 'const' AND v_payload IS DISTINCT FROM p_schema -> 'const' THEN format('%s: want %s, have %s', p_path, p_schema -> 'const', left(v_payload::text, 80)) END,
    CASE WHEN NOT p_schema -> 'enum' @> jsonb_build_array(v_payload) THEN format('%s: want one of %s, have %s', p_path, p_schema -> 'enum', left(v_payload::text, 80)) END,
    CASE WHEN v_number < (p_schema ->> 'minimum')::numeric THEN format('%s: want at least %s, have %s', p_path, p_schema -> 'minimum', left(v_payload::text, 80)) END,
    CASE WHEN v_number > (p_schema ->> 'maximum')::numeric THEN format('%s: want at most %s, have %s', p_path, p_schema -> 'maximum', left(v_payload::text, 80)) END,
    CASE WHEN v_number <= (p_schema ->> 'exclusiveMinimum')::numeric THEN format('%s: want more than %s, have %s', p_path, p_schema -> 'exclusiveMinimum', left(v_payload::text, 80)) END,
    CASE WHEN v_number >= (p_schema ->> 'exclusiveMaximum')::numeric THEN format('%s: want less than %s, have %s', p_path, p_schema -> 'exclusiveMaximum', left(v_payload::text, 80)) END], NULL);
  IF p_schema ->> 'type' <> v_type THEN
    v_wanted := ARRAY[p_schema ->> 'type'];
    IF jsonb_typeof(p_schema -> 'type') = 'array' THEN
      v_wanted := ARRAY(SELECT jsonb_array_elements_text(p_schema -> 'type'));
    END IF;
    IF NOT (v_type = ANY (v_wanted) OR v_type = 'number' AND 'integer' = ANY (v_wanted) AND floor(v_number) = v_number) THEN
      v_problems := format('%s: want %s, have %s', p_path, array_to_string(v_wanted, ' or '), v_type) || v_problems;
    END IF;
  END IF;
  IF v_type = 'object' THEN
    v_keys := p_schema -> 'required';
    FOR i IN 0 .. coalesce(jsonb_array_length(v_keys), 0) - 1 LOOP
      v_key := v_keys ->> i;
      IF NOT v_payload ? v_key THEN v_problems := v_problems || format('%s.%s: missing', p_path, v_key); END IF;
    END LOOP;
    -- Of a payload that may have other names, those of the schema: there may be any number of others. Both are in one order.
    v_keys := jsonb_path_query_array(CASE WHEN p_schema -> 'additionalProperties' = 'false' THEN v_payload ELSE p_schema -> 'properties' END, '$.keyvalue().key');
    FOR i IN 0 .. coalesce(jsonb_array_length(v_keys), 0) - 1 LOOP
      EXIT WHEN cardinality(v_problems) >= 20;
      v_key := v_keys ->> i;
      CONTINUE WHEN NOT v_payload ? v_key;
      v_value := p_schema -> 'properties' -> v_key;
      IF v_value = jsonb_build_object('type', jsonb_typeof(v_payload -> v_key)) THEN
        NULL;                         -- the most there are, and not worth a call
      ELSIF v_value IS NOT NULL THEN
        v_problems := v_problems || fn_iu_payload_problems(v_payload -> v_key, v_value, format('%s.%s', p_path, v_key));
      ELSE
        v_problems := v_problems || format('%s.%s: not in the schema', p_path, left(v_key, 80));
      END IF;
    END LOOP;
  ELSIF v_type = 'array' AND p_schema ?| '{minItems,maxItems,items}' THEN
    IF jsonb_array_length(v_payload) < (p_schema ->> 'minItems')::integer THEN v_problems := v_problems || format('%s: want at least %s', p_path, p_schema -> 'minItems'); END IF;
    IF jsonb_array_length(v_payload) > (p_schema ->> 'maxItems')::integer THEN v_problems := v_problems || format('%s: want at most %s, have %s', p_path, p_schema -> 'maxItems', jsonb_array_length(v_payload)); END IF;
    -- Too many are not looked at one by one.
    IF p_schema ? 'items' AND (jsonb_array_length(v_payload) > (p_schema ->> 'maxItems')::integer) IS NOT TRUE THEN
      FOR v_key, v_value IN SELECT n - 1, e FROM jsonb_array_elements(v_payload) WITH ORDINALITY AS x(e, n) LOOP
        EXIT WHEN cardinality(v_problems) >= 20;
        v_problems := v_problems || fn_iu_payload_problems(v_value, p_schema -> 'items', format('%s[%s]', p_path, v_key));
      END LOOP;
    END IF;
  ELSIF v_type = 'string' AND p_schema ?| '{minLength,maxLength,pattern}' THEN
    IF length(v_payload #>> '{}') < (p_schema ->> 'minLength')::integer THEN v_problems := v_problems || format('%s: want at least %s characters', p_path, p_schema -> 'minLength'); END IF;
    IF length(v_payload #>> '{}') > (p_schema ->> 'maxLength')::integer THEN v_problems := v_problems || format('%s: want at most %s characters, have %s', p_path, p_schema -> 'maxLength', length(v_payload #>> '{}')); END IF;
    -- (?p) is how like_regex of the predicate reads a pattern; the server keeps what ~ has compiled, and not what a cast has.
    IF cardinality(v_problems) = 0 AND (v_payload #>> '{}') !~ ('(?p)' || (p_schema ->> 'pattern')) THEN
      v_problems := v_problems || format('%s: want a text like %s', p_path, p_schema -> 'pattern');
    END IF;
  END IF;
  RETURN v_problems[:20];
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_payload_problems(jsonb, jsonb, text) IS 'The ways in which a payload breaks its schema, twenty at most, as "path: want …, have …"; empty when it meets it';
REVOKE ALL ON FUNCTION iu_core.fn_iu_payload_problems(jsonb, jsonb, text) FROM PUBLIC;
