-- unit: schema

CREATE TABLE iu_core.iu_event_type (
  event_type text COLLATE "C" CONSTRAINT iu_event_type_pkey PRIMARY KEY,
  event_domain text COLLATE "C" NOT NULL,
  delivery_lane text COLLATE "C" NOT NULL,
  payload_schema jsonb NOT NULL,
  payload_predicate jsonpath NOT NULL,
  is_system boolean NOT NULL,
  description text NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  registered_by text NOT NULL DEFAULT session_user,
  CONSTRAINT iu_event_type_name_chk CHECK (event_type ~ '^[a-z0-9_]+([.][a-z0-9_]+)*$' AND octet_length(event_type) <= 128),
  CONSTRAINT iu_event_type_lane_chk CHECK (delivery_lane IN ('immediate', 'delayed'))
);
COMMENT ON TABLE iu_core.iu_event_type IS 'Every type of event that may be emitted, with the schema its payload must meet';
COMMENT ON COLUMN iu_core.iu_event_type.delivery_lane IS 'immediate: deduplicated by the caller''s key; delayed: never deduplicated';
COMMENT ON COLUMN iu_core.iu_event_type.payload_schema IS 'a JSON Schema subset: type, required, properties, additionalProperties, items, enum, const, minimum, maximum, pattern';
COMMENT ON COLUMN iu_core.iu_event_type.payload_predicate IS 'the schema compiled to one strict jsonpath predicate, so that a batch is checked set-wise';
COMMENT ON COLUMN iu_core.iu_event_type.is_system IS 'emitted by this schema''s own functions only';

-- requires: iu_event_type
-- Append-only, without delivery state. xid stands before id so that a row's transaction has its id
-- before it draws its sequence value: the worker's scan floor rests on that order.
CREATE TABLE iu_core.event_outbox (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT event_outbox_pkey PRIMARY KEY,
  event_domain text COLLATE "C" NOT NULL,
  event_type text COLLATE "C" NOT NULL,
  event_subject_table text COLLATE "C" NOT NULL,
  event_subject_ref text COLLATE "C" NOT NULL,
  payload jsonb NOT NULL,
  delivery_lane text COLLATE "C" NOT NULL,
  idempotency_key text COLLATE "C",
  bucket smallint NOT NULL GENERATED ALWAYS AS ((hashtextextended(event_subject_table || '/' || event_subject_ref, 0) & 15)::smallint) STORED,
  actor text NOT NULL DEFAULT session_user,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  released_from bigint,
  CONSTRAINT event_outbox_lane_chk CHECK (delivery_lane IN ('immediate', 'delayed', 'held')),
  CONSTRAINT event_outbox_key_chk CHECK (delivery_lane <> 'immediate' OR idempotency_key IS NOT NULL)
);
-- A repeat on lane immediate finds the first row, also one that the master gate put on lane held: one
-- index for both, or two emitters on either side of a gate that is closing would each write one. A row
-- that releases a held one repeats its key, and stands aside. delayed has no key and is never deduplicated.
CREATE UNIQUE INDEX idx_event_outbox_idempotent ON iu_core.event_outbox (event_type, event_subject_ref, idempotency_key)
  WHERE idempotency_key IS NOT NULL AND released_from IS NULL;
CREATE UNIQUE INDEX idx_event_outbox_released_from ON iu_core.event_outbox (released_from) WHERE released_from IS NOT NULL;
-- Late commits are found by their transaction; held rows cost the worker nothing.
CREATE INDEX idx_event_outbox_xid ON iu_core.event_outbox (xid, id) WHERE delivery_lane <> 'held';
CREATE INDEX idx_event_outbox_held ON iu_core.event_outbox (id) WHERE delivery_lane = 'held';
COMMENT ON TABLE iu_core.event_outbox IS 'Every change as an event, written in the transaction of the change; append-only';
COMMENT ON COLUMN iu_core.event_outbox.xid IS 'the top-level transaction that wrote the row; the worker''s window is over these';
COMMENT ON COLUMN iu_core.event_outbox.id IS 'identity, which is also the order of writing';
COMMENT ON COLUMN iu_core.event_outbox.idempotency_key IS 'the caller''s key on an immediate type; null on a delayed one';
COMMENT ON COLUMN iu_core.event_outbox.bucket IS '0 to 15, from the subject; a worker cursor owns a range of buckets';
COMMENT ON COLUMN iu_core.event_outbox.released_from IS 'the held row that this one releases';

-- requires: event_outbox
CREATE TABLE iu_core.iu_held_decision (
  event_id bigint CONSTRAINT iu_held_decision_pkey PRIMARY KEY CONSTRAINT iu_held_decision_event_fkey REFERENCES iu_core.event_outbox (id),
  decision text COLLATE "C" NOT NULL,
  reason text NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  decided_by text NOT NULL DEFAULT session_user,
  CONSTRAINT iu_held_decision_chk CHECK (decision = 'discarded')
);
COMMENT ON TABLE iu_core.iu_held_decision IS 'Held events that were discarded, with the reason; released ones have a row of their own in the outbox';

-- requires: event_outbox, iu_event_type
CREATE FUNCTION iu_core.fn_iu_emit_event(
  p_event_type text, p_event_subject_table text, p_event_subject_ref text, p_payload jsonb, p_idempotency_key text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_type iu_event_type;
  v_id bigint;
BEGIN
  SELECT * INTO v_type FROM iu_event_type WHERE event_type = p_event_type;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event_type: % is not registered', coalesce(p_event_type, 'null')
      USING ERRCODE = 'IU007', COLUMN = 'event_type', HINT = 'Register the type and its routes first.';
  END IF;
  IF v_type.is_system THEN
    RAISE EXCEPTION 'event_type: % is emitted by the system only', p_event_type
      USING ERRCODE = 'IU008', COLUMN = 'event_type', HINT = 'Register a type of your own.';
  END IF;
  IF coalesce(p_event_subject_table, '') = '' OR octet_length(p_event_subject_table) > 256 THEN
    RAISE EXCEPTION 'event_subject_table: say which table the subject is a row of (1 to 256 bytes)' USING ERRCODE = 'IU002', COLUMN = 'event_subject_table';
  END IF;
  IF coalesce(p_event_subject_ref, '') = '' OR octet_length(p_event_subject_ref) > 1024 THEN
    RAISE EXCEPTION 'event_subject_ref: say which row is the subject (1 to 1024 bytes)' USING ERRCODE = 'IU002', COLUMN = 'event_subject_ref';
  END IF;
  IF p_payload IS NULL THEN
    RAISE EXCEPTION 'payload: give a JSON value; an empty one is {}' USING ERRCODE = 'IU002', COLUMN = 'payload';
  END IF;
  IF v_type.delivery_lane = 'immediate' AND (coalesce(p_idempotency_key, '') = '' OR octet_length(p_idempotency_key) > 512) THEN
    RAISE EXCEPTION 'idempotency_key: % is on lane immediate and needs a key of 1 to 512 bytes', p_event_type
      USING ERRCODE = 'IU002', COLUMN = 'idempotency_key', HINT = 'Pass a key that names this one occurrence; a repeat returns the first id.';
  END IF;

  -- Two rounds: the row of a writer that was still under way at the first look-up is found at the second.
  FOR i IN 1..2 LOOP
    IF v_type.delivery_lane = 'immediate' THEN
      SELECT id INTO v_id FROM event_outbox
      WHERE event_type = p_event_type AND event_subject_ref = p_event_subject_ref AND idempotency_key = p_idempotency_key AND released_from IS NULL;
      EXIT WHEN v_id IS NOT NULL;
    END IF;
    SELECT a INTO v_id FROM fn_iu_outbox_append(p_event_type, p_event_subject_table, ARRAY[p_event_subject_ref], ARRAY[p_payload], p_idempotency_key) AS a;
    EXIT WHEN v_id IS NOT NULL;
  END LOOP;
  IF v_id IS NULL THEN
    -- Only under REPEATABLE READ or SERIALIZABLE: the first row exists but this snapshot cannot see it.
    RAISE EXCEPTION 'could not serialize: the same key was emitted by a concurrent transaction' USING ERRCODE = '40001', HINT = 'Retry the transaction.';
  END IF;
  RETURN v_id;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_emit_event(text, text, text, jsonb, text) IS 'Emits one event inside the caller''s transaction and returns its id; a repeat on lane immediate returns the first id. A payload that breaks its schema is accepted here and dead-lettered by the worker. IU007 unknown type, IU008 system type, IU002 bad argument';
REVOKE ALL ON FUNCTION iu_core.fn_iu_emit_event(text, text, text, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_emit_event(text, text, text, jsonb, text) TO iu_emitter;

-- requires: iu_event_type
CREATE FUNCTION iu_core.fn_iu_event_types_forget(p_event_types text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF EXISTS (SELECT FROM event_outbox WHERE event_type = ANY (p_event_types)) THEN
    RAISE EXCEPTION 'events of these types exist' USING ERRCODE = 'IU010', HINT = 'An event type with history stays registered.';
  END IF;
  DELETE FROM iu_event_type WHERE event_type = ANY (p_event_types);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_types_forget(text[]) IS 'Removes event types, the rollback of their registration; refuses (IU010) when one has events';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_types_forget(text[]) FROM PUBLIC;

-- requires: iu_event_type
CREATE FUNCTION iu_core.fn_iu_event_types_register(p_event_domain text, p_delivery_lane text, p_is_system boolean, p_types jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_type text;
  v_entry jsonb;
BEGIN
  PERFORM fn_iu_classify('event_domain', ARRAY[p_event_domain], 'event_domain');
  PERFORM fn_iu_classify('delivery_lane', ARRAY[p_delivery_lane], 'delivery_lane');
  IF p_delivery_lane = 'held' THEN
    RAISE EXCEPTION 'delivery_lane: held is where the master gate puts events, no type lives there'
      USING ERRCODE = 'IU002', COLUMN = 'delivery_lane', HINT = 'Use immediate or delayed.';
  END IF;
  FOR v_type, v_entry IN SELECT key, value FROM jsonb_each(p_types) LOOP
    -- A system type cannot be taken over by an application, nor the other way round.
    IF EXISTS (SELECT FROM iu_event_type WHERE event_type = v_type AND is_system <> p_is_system) THEN
      RAISE EXCEPTION 'event_type: % is already registered by %', v_type, CASE WHEN p_is_system THEN 'an application' ELSE 'the system' END
        USING ERRCODE = 'IU008', COLUMN = 'event_type', HINT = 'Choose another name.';
    END IF;
    INSERT INTO iu_event_type (event_type, event_domain, delivery_lane, payload_schema, payload_predicate, is_system, description)
    VALUES (v_type, p_event_domain, p_delivery_lane, coalesce(v_entry -> 'payload_schema', '{}'),
            ('strict ' || fn_iu_schema_predicate(coalesce(v_entry -> 'payload_schema', '{}')))::jsonpath, p_is_system, v_entry ->> 'description')
    ON CONFLICT (event_type) DO UPDATE
    SET event_domain = excluded.event_domain, delivery_lane = excluded.delivery_lane, payload_schema = excluded.payload_schema,
        payload_predicate = excluded.payload_predicate, description = excluded.description,
        registered_at = clock_timestamp(), registered_by = session_user
    WHERE (iu_event_type.event_domain, iu_event_type.delivery_lane, iu_event_type.payload_schema, iu_event_type.payload_predicate::text, iu_event_type.description)
      IS DISTINCT FROM (excluded.event_domain, excluded.delivery_lane, excluded.payload_schema, excluded.payload_predicate::text, excluded.description);
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_types_register(text, text, boolean, jsonb) IS 'Registers event types of one domain and lane: {"type": {"description": text, "payload_schema": schema}}; again with the same content changes nothing. IU002 for an unclassified domain or a schema outside the subset, IU008 for a name of the other side';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_types_register(text, text, boolean, jsonb) FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_out_lifecycle()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  PERFORM fn_iu_outbox_append(
    CASE n.lifecycle_status WHEN 'retired' THEN 'iu.retired' ELSE 'iu.soft_deleted' END, 'information_unit',
    array_agg(n.canonical_address ORDER BY n.id),
    array_agg(jsonb_build_object('unit_id', n.id, 'canonical_address', n.canonical_address, 'previous_status', o.lifecycle_status) ORDER BY n.id))
  FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
  WHERE n.lifecycle_status IN ('retired', 'deleted') AND o.lifecycle_status <> n.lifecycle_status
  GROUP BY n.lifecycle_status;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_out_lifecycle() IS 'Trigger function: iu.retired and iu.soft_deleted when a unit''s lifecycle says so';
REVOKE ALL ON FUNCTION iu_core.fn_iu_out_lifecycle() FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_out_unit()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  PERFORM fn_iu_outbox_append('iu.created', 'information_unit', array_agg(canonical_address ORDER BY id),
    array_agg(jsonb_build_object('unit_id', id, 'canonical_address', canonical_address, 'unit_kind', unit_kind, 'version_seq', current_version_seq) ORDER BY id))
  FROM new_rows HAVING count(*) > 0;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_out_unit() IS 'Trigger function: iu.created for every unit inserted, whoever inserted it';
REVOKE ALL ON FUNCTION iu_core.fn_iu_out_unit() FROM PUBLIC;

CREATE FUNCTION iu_core.fn_iu_out_version()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  -- The first version is part of the birth, which iu.created reports.
  PERFORM fn_iu_outbox_append('iu.version_applied', 'information_unit', array_agg(u.canonical_address ORDER BY n.unit_id, n.version_seq),
    array_agg(jsonb_build_object('unit_id', n.unit_id, 'canonical_address', u.canonical_address, 'version_seq', n.version_seq,
                                 'content_digest', encode(n.content_digest, 'hex'), 'byte_length', n.byte_length) ORDER BY n.unit_id, n.version_seq))
  FROM new_rows AS n JOIN information_unit AS u ON u.id = n.unit_id
  WHERE n.version_seq > 1
  HAVING count(*) > 0;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_out_version() IS 'Trigger function: iu.version_applied for every version after the first';
REVOKE ALL ON FUNCTION iu_core.fn_iu_out_version() FROM PUBLIC;

-- requires: event_outbox
-- The only INSERT into the outbox, and the one place that decides the lane.
CREATE FUNCTION iu_core.fn_iu_outbox_append(
  p_event_type text, p_event_subject_table text, p_event_subject_refs text[], p_payloads jsonb[], p_idempotency_key text DEFAULT NULL)
RETURNS SETOF bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_open boolean := fn_iu_gate_is_open('iu_core.routes_master_enabled');
BEGIN
  RETURN QUERY
  INSERT INTO event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key)
  SELECT t.event_domain, t.event_type, p_event_subject_table, e.ref, e.payload,
         CASE WHEN v_open THEN t.delivery_lane ELSE 'held' END,
         CASE WHEN t.delivery_lane = 'immediate' THEN p_idempotency_key END
  FROM iu_event_type AS t
  CROSS JOIN unnest(p_event_subject_refs, p_payloads) WITH ORDINALITY AS e(ref, payload, n)
  WHERE t.event_type = p_event_type
  ORDER BY e.n
  ON CONFLICT DO NOTHING
  RETURNING id;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_outbox_append(text, text, text[], jsonb[], text) IS 'Writes one event per element in the given order, on the type''s lane or, while the master gate is closed, on lane held; a duplicate key writes nothing. Returns the ids written';
REVOKE ALL ON FUNCTION iu_core.fn_iu_outbox_append(text, text, text[], jsonb[], text) FROM PUBLIC;

-- Runs for bad rows only; says in words what the compiled predicate only answers with no. It stops at
-- twenty: a person reads them, and a long list of bad items must not hold up a pass.
CREATE FUNCTION iu_core.fn_iu_payload_problems(p_payload jsonb, p_schema jsonb, p_path text DEFAULT '$')
RETURNS text[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_type constant text := jsonb_typeof(p_payload);
  v_wanted text[];
  v_problems text[] := '{}';
  v_key text;
  v_value jsonb;
  v_number numeric;
BEGIN
  IF p_schema ? 'type' THEN
    SELECT array_agg(t) INTO v_wanted
    FROM jsonb_array_elements_text(CASE jsonb_typeof(p_schema -> 'type') WHEN 'array' THEN p_schema -> 'type' ELSE jsonb_build_array(p_schema -> 'type') END) AS t;
    IF NOT (v_type = ANY (v_wanted) OR v_type = 'number' AND 'integer' = ANY (v_wanted) AND floor((p_payload #>> '{}')::numeric) = (p_payload #>> '{}')::numeric) THEN
      v_problems := v_problems || format('%s: want %s, have %s', p_path, array_to_string(v_wanted, ' or '), v_type);
    END IF;
  END IF;
  IF p_schema ? 'const' AND p_payload IS DISTINCT FROM p_schema -> 'const' THEN
    v_problems := v_problems || format('%s: want %s, have %s', p_path, p_schema -> 'const', left(p_payload::text, 80));
  END IF;
  IF p_schema ? 'enum' AND NOT EXISTS (SELECT FROM jsonb_array_elements(p_schema -> 'enum') AS e WHERE e = p_payload) THEN
    v_problems := v_problems || format('%s: want one of %s, have %s', p_path, p_schema -> 'enum', left(p_payload::text, 80));
  END IF;
  IF v_type = 'number' THEN
    v_number := (p_payload #>> '{}')::numeric;
    IF v_number < (p_schema ->> 'minimum')::numeric THEN v_problems := v_problems || format('%s: want at least %s, have %s', p_path, p_schema -> 'minimum', p_payload); END IF;
    IF v_number > (p_schema ->> 'maximum')::numeric THEN v_problems := v_problems || format('%s: want at most %s, have %s', p_path, p_schema -> 'maximum', p_payload); END IF;
    IF v_number <= (p_schema ->> 'exclusiveMinimum')::numeric THEN v_problems := v_problems || format('%s: want more than %s, have %s', p_path, p_schema -> 'exclusiveMinimum', p_payload); END IF;
    IF v_number >= (p_schema ->> 'exclusiveMaximum')::numeric THEN v_problems := v_problems || format('%s: want less than %s, have %s', p_path, p_schema -> 'exclusiveMaximum', p_payload); END IF;
  ELSIF v_type = 'string' AND p_schema ? 'pattern' THEN
    IF (p_payload @@ ('$ like_regex ' || (p_schema -> 'pattern')::text)::jsonpath) IS NOT TRUE THEN
      v_problems := v_problems || format('%s: want a text like %s', p_path, p_schema -> 'pattern');
    END IF;
  ELSIF v_type = 'array' AND p_schema ? 'items' THEN
    FOR v_key, v_value IN SELECT n - 1, e FROM jsonb_array_elements(p_payload) WITH ORDINALITY AS x(e, n) LOOP
      EXIT WHEN cardinality(v_problems) >= 20;
      v_problems := v_problems || fn_iu_payload_problems(v_value, p_schema -> 'items', format('%s[%s]', p_path, v_key));
    END LOOP;
  ELSIF v_type = 'object' THEN
    FOR v_key IN SELECT k FROM jsonb_array_elements_text(coalesce(p_schema -> 'required', '[]')) AS k LOOP
      IF NOT p_payload ? v_key THEN v_problems := v_problems || format('%s.%s: missing', p_path, v_key); END IF;
    END LOOP;
    FOR v_key, v_value IN SELECT key, value FROM jsonb_each(p_payload) LOOP
      EXIT WHEN cardinality(v_problems) >= 20;
      IF p_schema -> 'properties' ? v_key THEN
        v_problems := v_problems || fn_iu_payload_problems(v_value, p_schema -> 'properties' -> v_key, format('%s.%s', p_path, v_key));
      ELSIF p_schema -> 'additionalProperties' = 'false' THEN
        v_problems := v_problems || format('%s.%s: not in the schema', p_path, left(v_key, 80));
      END IF;
    END LOOP;
  END IF;
  RETURN v_problems[:20];
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_payload_problems(jsonb, jsonb, text) IS 'The ways in which a payload breaks its schema, twenty at most, as "path: want …, have …"; empty when it meets it';
REVOKE ALL ON FUNCTION iu_core.fn_iu_payload_problems(jsonb, jsonb, text) FROM PUBLIC;

-- The predicate must be true or false, never unknown: an unknown inside a negation would let a bad
-- payload through. So every accessor stands behind a check of the type that it needs.
CREATE FUNCTION iu_core.fn_iu_schema_predicate(p_schema jsonb, p_base text DEFAULT '$', p_depth integer DEFAULT 0)
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
BEGIN
  IF jsonb_typeof(p_schema) IS DISTINCT FROM 'object' OR p_depth > 8 THEN
    RAISE EXCEPTION 'payload_schema: a schema is a JSON object, nested at most 8 deep' USING ERRCODE = 'IU002', COLUMN = 'payload_schema';
  END IF;
  FOR v_key, v_value IN SELECT key, value FROM jsonb_each(p_schema) LOOP
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
        SELECT string_agg(format('exists(%s.keyvalue() ? (@.key == %s))', p_base, to_json(k)), ' && ') INTO v_list FROM jsonb_array_elements_text(v_value) AS k;
        v_parts := v_parts || format('(!(%s.type() == "object") || (%s))', p_base, coalesce(v_list, '1 == 1'));
      WHEN v_key = 'properties' AND jsonb_typeof(v_value) = 'object' THEN
        SELECT string_agg(format('!exists(%s.keyvalue() ? (@.key == %s && !(%s)))', p_base, to_json(key), fn_iu_schema_predicate(value, '@.value', p_depth + 1)), ' && ')
        INTO v_list FROM jsonb_each(v_value);
        v_parts := v_parts || format('(!(%s.type() == "object") || (%s))', p_base, coalesce(v_list, '1 == 1'));
      WHEN v_key = 'additionalProperties' AND jsonb_typeof(v_value) = 'boolean' THEN
        IF NOT v_value::boolean THEN
          SELECT string_agg(format('@.key == %s', to_json(k)), ' || ') INTO v_list FROM jsonb_object_keys(coalesce(p_schema -> 'properties', '{}')) AS k;
          v_parts := v_parts || format('(!(%1$s.type() == "object") || !exists(%1$s.keyvalue() ? (!(%2$s))))', p_base, coalesce(v_list, '1 == 0'));
        END IF;
      WHEN v_key = 'items' AND jsonb_typeof(v_value) = 'object' THEN
        v_parts := v_parts || format('(!(%1$s.type() == "array") || !exists(%1$s[*] ? (!(%2$s))))', p_base, fn_iu_schema_predicate(v_value, '@', p_depth + 1));
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
        v_parts := v_parts || format('(!(%1$s.type() == "number") || %1$s %2$s %3$s)', p_base,
          CASE v_key WHEN 'minimum' THEN '>=' WHEN 'maximum' THEN '<=' WHEN 'exclusiveMinimum' THEN '>' ELSE '<' END, v_value);
      WHEN v_key = 'pattern' AND jsonb_typeof(v_value) = 'string' THEN
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
COMMENT ON FUNCTION iu_core.fn_iu_schema_predicate(jsonb, text, integer) IS 'Compiles a payload schema to the text of a jsonpath predicate over p_base; IU002 for a keyword or value outside the subset';
REVOKE ALL ON FUNCTION iu_core.fn_iu_schema_predicate(jsonb, text, integer) FROM PUBLIC;

-- requires: event_outbox, fn_iu_append_only
CREATE TRIGGER trg_event_outbox_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.event_outbox
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_event_outbox_append_only ON iu_core.event_outbox IS 'The outbox is append-only; a row''s lane never changes';

-- requires: information_unit, fn_iu_out_lifecycle
CREATE TRIGGER trg_iu_out_lifecycle
  AFTER UPDATE ON iu_core.information_unit
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_out_lifecycle();
COMMENT ON TRIGGER trg_iu_out_lifecycle ON iu_core.information_unit IS 'Emits iu.retired and iu.soft_deleted';

-- requires: information_unit, fn_iu_out_unit
CREATE TRIGGER trg_iu_out_unit
  AFTER INSERT ON iu_core.information_unit
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_out_unit();
COMMENT ON TRIGGER trg_iu_out_unit ON iu_core.information_unit IS 'Emits iu.created';

-- requires: unit_version, fn_iu_out_version
CREATE TRIGGER trg_iu_out_version
  AFTER INSERT ON iu_core.unit_version
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_out_version();
COMMENT ON TRIGGER trg_iu_out_version ON iu_core.unit_version IS 'Emits iu.version_applied for a version after the first';
