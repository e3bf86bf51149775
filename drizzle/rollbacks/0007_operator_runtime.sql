SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
SELECT iu_core.fn_iu_refuse_if_history('dot_iu_acting', 'dot_iu_command', 'dot_iu_command_run', 'dot_iu_command_seal', 'dot_iu_command_unsealed', 'iu_account', 'iu_api_token', 'iu_collection_checkpoint', 'iu_collection_checkpoint_piece', 'iu_collection_piece_parked', 'iu_relation', 'iu_session', 'iu_sign_in_failure', 'iu_unit_axis');
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_add(p_collection_id bigint, p_unit_ids bigint[], p_positions numeric[], p_separators text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_count constant integer := cardinality(p_unit_ids);
  v_address text;
  v_joiner text;
  v_tail integer;
  v_wrong text;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF v_count IS NULL OR (cardinality(p_positions), cardinality(p_separators)) IS DISTINCT FROM (v_count, v_count)
     OR array_position(p_unit_ids, NULL) > 0 OR array_position(p_positions, NULL) > 0 THEN
    RAISE EXCEPTION 'unit_ids, positions and separators must be arrays of one length, each unit with its position' USING ERRCODE = 'IU002', COLUMN = 'unit_ids';
  END IF;
  -- Units before collections: the lock order of every writer. A unit that is being revised is waited for, so that its new version counts.
  PERFORM FROM information_unit WHERE id = ANY (p_unit_ids) ORDER BY id FOR KEY SHARE;
  SELECT canonical_address, joiner INTO v_address, v_joiner FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'collection: no collection has the id %', p_collection_id USING ERRCODE = 'IU003', COLUMN = 'collection_id';
  END IF;
  SELECT format('%s (%s)', u.canonical_address, u.lifecycle_status) INTO v_wrong
  FROM information_unit AS u WHERE u.id = ANY (p_unit_ids) AND u.lifecycle_status IN ('retired', 'deleted') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'unit % cannot be added anywhere', v_wrong USING ERRCODE = 'IU009', COLUMN = 'unit_ids', HINT = 'Restore it first, or add another.';
  END IF;
  v_tail := fn_iu_collection_tail(p_collection_id);
  BEGIN
    INSERT INTO iu_collection_piece (collection_id, unit_id, position, separator)
    SELECT p_collection_id, unit_id, position, separator FROM unnest(p_unit_ids, p_positions, p_separators) AS g(unit_id, position, separator);
  EXCEPTION
    WHEN unique_violation THEN
      RAISE EXCEPTION 'a unit stands in a collection at most once, and a position holds one piece' USING ERRCODE = 'IU004', COLUMN = 'unit_ids';
    WHEN foreign_key_violation THEN
      RAISE EXCEPTION 'unit_ids: names a unit that does not exist' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END;
  PERFORM fn_iu_collection_touch(p_collection_id, v_count,
    sum(v.byte_length + octet_length(coalesce(g.separator, v_joiner)))::bigint + v_tail - fn_iu_collection_tail(p_collection_id))
  FROM unnest(p_unit_ids, p_separators) AS g(unit_id, separator)
  JOIN information_unit AS u ON u.id = g.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
  HAVING count(*) > 0;
  PERFORM fn_iu_outbox_append('piece_added_to_collection', 'iu_collection', array_agg(v_address ORDER BY g.n),
    array_agg(jsonb_build_object('collection_address', v_address, 'unit_id', u.id, 'unit_address', u.canonical_address, 'position', g.position) ORDER BY g.n))
  FROM unnest(p_unit_ids, p_positions) WITH ORDINALITY AS g(unit_id, position, n) JOIN information_unit AS u ON u.id = g.unit_id
  HAVING count(*) > 0;
END
$function$;
ALTER FUNCTION fn_iu_collection_add(bigint,bigint[],numeric[],text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_add(bigint,bigint[],numeric[],text[]) IS 'Puts units into a collection at the given positions, in one set; IU001 closed gate, IU002 bad input, IU003 unknown, IU004 already there, IU009 retired or deleted unit';
REVOKE ALL ON FUNCTION fn_iu_collection_add(bigint,bigint[],numeric[],text[]) FROM PUBLIC;
DROP TRIGGER trg_iu_collection_checkpoint_piece_append_only ON iu_core.iu_collection_checkpoint_piece;
DROP TRIGGER trg_iu_collection_checkpoint_append_only ON iu_core.iu_collection_checkpoint;
DROP TRIGGER trg_dot_iu_command_seal_append_only ON iu_core.dot_iu_command_seal;
DROP TRIGGER trg_dot_iu_command_run_append_only ON iu_core.dot_iu_command_run;
DROP VIEW iu_core.v_iu_unit_axis;
DROP VIEW iu_core.v_iu_disable_ladder;
DROP VIEW iu_core.v_iu_collection_piece_parked;
DROP VIEW iu_core.v_iu_collection_checkpoint_piece;
DROP VIEW iu_core.v_iu_collection_checkpoint;
DROP VIEW iu_core.v_iu_api_token;
DROP VIEW iu_core.v_iu_account;
DROP VIEW iu_core.v_dot_iu_command_run_health;
DROP VIEW iu_core.v_dot_iu_command_run;
DROP VIEW iu_core.v_dot_iu_command_registry;
DROP FUNCTION iu_core.fn_iu_who(text);
DROP FUNCTION iu_core.fn_iu_sign_out(text);
DROP FUNCTION iu_core.fn_iu_sign_in_salt(text);
DROP FUNCTION iu_core.fn_iu_sign_in(text,bytea,text);
DROP FUNCTION iu_core.fn_iu_session_check(text,text);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_payload_problems(p_payload jsonb, p_schema jsonb, p_path text DEFAULT '$'::text)
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_payload_problems(jsonb,jsonb,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_payload_problems(jsonb,jsonb,text) IS 'The ways in which a payload breaks its schema, twenty at most, as "path: want …, have …"; empty when it meets it';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_outbox_append(p_event_type text, p_event_subject_table text, p_event_subject_refs text[], p_payloads jsonb[], p_idempotency_key text DEFAULT NULL::text)
 RETURNS SETOF bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_outbox_append(text,text,text[],jsonb[],text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_outbox_append(text,text,text[],jsonb[],text) IS 'Writes one event per element in the given order, on the type''s lane or, while the master gate is closed, on lane held; a duplicate key writes nothing. Returns the ids written';
DROP FUNCTION iu_core.fn_iu_gate_repair(text);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_create_batch(p_canonical_addresses text[], p_unit_kinds text[], p_bodies text[], p_titles text[], p_source_path text DEFAULT NULL::text)
 RETURNS bigint[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_count integer := cardinality(p_canonical_addresses);
  v_wrong text;
  v_ids bigint[];
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF v_count IS NULL OR (cardinality(p_unit_kinds), cardinality(p_bodies), cardinality(p_titles)) IS DISTINCT FROM (v_count, v_count, v_count) THEN
    RAISE EXCEPTION 'canonical_addresses, unit_kinds, bodies and titles must be arrays of one length'
      USING ERRCODE = 'IU002', COLUMN = 'canonical_addresses';
  END IF;
  SELECT coalesce(a, 'null') INTO v_wrong FROM unnest(p_canonical_addresses) AS a WHERE fn_iu_is_address(a) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'canonical_address: "%" is not an address', left(v_wrong, 200)
      USING ERRCODE = 'IU002', COLUMN = 'canonical_address',
            HINT = 'Use lower-case segments of a-z 0-9 _ - joined by . and /, at most 512 bytes.';
  END IF;
  IF array_position(p_bodies, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'body: a unit is born with a body' USING ERRCODE = 'IU002', COLUMN = 'body';
  END IF;
  PERFORM fn_iu_classify('unit_kind', p_unit_kinds, 'unit_kind');

  BEGIN
    WITH given AS (
      SELECT address, kind, coalesce(title, '') AS title, n
      FROM unnest(p_canonical_addresses, p_unit_kinds, p_titles) WITH ORDINALITY AS g(address, kind, title, n)
    ), born AS (
      INSERT INTO information_unit (canonical_address, unit_kind, title, source_path)
      SELECT address, kind, title, p_source_path FROM given ORDER BY n
      RETURNING id, canonical_address
    )
    SELECT array_agg(born.id ORDER BY given.n) INTO v_ids
    FROM given JOIN born ON born.canonical_address = given.address;
  EXCEPTION WHEN unique_violation THEN
    SELECT a INTO v_wrong FROM unnest(p_canonical_addresses) AS a
    WHERE EXISTS (SELECT FROM information_unit u WHERE u.canonical_address = a) LIMIT 1;
    RAISE EXCEPTION 'canonical_address: % is taken', coalesce(v_wrong, '(given twice, or taken just now)')
      USING ERRCODE = 'IU004', COLUMN = 'canonical_address', HINT = 'Choose another address.';
  END;

  INSERT INTO unit_version (unit_id, version_seq, body, content_digest, byte_length)
  SELECT id, 1, body, sha256(convert_to(body, 'UTF8')), octet_length(body)
  FROM unnest(v_ids, p_bodies) AS v(id, body);
  RETURN coalesce(v_ids, '{}');
END
$function$;
ALTER FUNCTION fn_iu_create_batch(text[],text[],text[],text[],text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_create_batch(text[],text[],text[],text[],text) IS 'Birth gate, set-based: makes one unit with version 1 per element, returns their ids in the given order; IU001 closed gate, IU002 bad input, IU004 address taken';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_compose(p_canonical_address text, p_collection_kind text, p_title text, p_unit_ids bigint[], p_joiner text DEFAULT ''::text, p_separators text[] DEFAULT NULL::text[], p_source_path text DEFAULT NULL::text, p_source_digest bytea DEFAULT NULL::bytea, p_source_byte_length bigint DEFAULT NULL::bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_id bigint;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  PERFORM fn_iu_classify('collection_kind', ARRAY[p_collection_kind], 'collection_kind');
  IF fn_iu_is_address(p_canonical_address) IS NOT TRUE THEN
    RAISE EXCEPTION 'canonical_address: "%" is not an address', left(p_canonical_address, 200)
      USING ERRCODE = 'IU002', COLUMN = 'canonical_address',
            HINT = 'Use lower-case segments of a-z 0-9 _ - joined by . and /, at most 512 bytes.';
  END IF;
  INSERT INTO iu_collection (canonical_address, collection_kind, title, joiner, source_path, source_digest, source_byte_length)
  VALUES (p_canonical_address, p_collection_kind, coalesce(p_title, ''), coalesce(p_joiner, ''), p_source_path, p_source_digest, p_source_byte_length)
  ON CONFLICT (canonical_address) DO NOTHING
  RETURNING id INTO v_id;
  IF v_id IS NULL THEN
    RAISE EXCEPTION 'canonical_address: % is taken%', p_canonical_address,
        coalesce((SELECT format(' by the source %s', source_path) FROM iu_collection WHERE canonical_address = p_canonical_address AND source_path IS NOT NULL), '')
      USING ERRCODE = 'IU004', COLUMN = 'canonical_address', HINT = 'Import under another prefix (--into), or rename the file.';
  END IF;
  PERFORM fn_iu_outbox_append('collection_created', 'iu_collection', ARRAY[p_canonical_address],
    ARRAY[jsonb_build_object('collection_id', v_id, 'collection_address', p_canonical_address, 'collection_kind', p_collection_kind, 'title', coalesce(p_title, ''))]);
  IF cardinality(p_unit_ids) > 0 THEN
    PERFORM fn_iu_collection_add(v_id, p_unit_ids, fn_iu_positions_between(NULL, NULL, cardinality(p_unit_ids)),
                                 coalesce(p_separators, array_fill(NULL::text, ARRAY[cardinality(p_unit_ids)])));
  END IF;
  RETURN v_id;
END
$function$;
ALTER FUNCTION fn_iu_compose(text,text,text,bigint[],text,text[],text,bytea,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_compose(text,text,text,bigint[],text,text[],text,bytea,bigint) IS 'Composes a new collection of units in the given order, returns its id; IU001 closed gate, IU002 bad input, IU004 address taken, and the refusals of fn_iu_collection_add';
DROP FUNCTION iu_core.fn_iu_collection_put(bigint,bigint[],numeric[],text[],integer[]);
DROP FUNCTION iu_core.fn_iu_collection_add(bigint,bigint[],numeric[],text[],integer[]);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_classify(p_term_class text, p_terms text[], p_field text)
 RETURNS void
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_unknown text;
BEGIN
  SELECT coalesce(t, 'null') INTO v_unknown
  FROM (SELECT DISTINCT t FROM unnest(p_terms) AS t) AS given
  WHERE NOT EXISTS (SELECT FROM iu_vocabulary v WHERE v.term_class = p_term_class AND v.term = given.t)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '%: % is not a known %', p_field, v_unknown, p_term_class
      USING ERRCODE = 'IU002', COLUMN = p_field,
            HINT = 'Use one of: ' || coalesce((SELECT string_agg(term, ', ' ORDER BY term) FROM iu_vocabulary WHERE term_class = p_term_class), '(none registered)');
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_classify(text,text[],text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_classify(text,text[],text) IS 'Raises IU002 (invalid_parameter) naming p_field when a term is not in the vocabulary';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_apply_versions(p_unit_ids bigint[], p_bodies text[], p_unit_kinds text[] DEFAULT NULL::text[], p_titles text[] DEFAULT NULL::text[])
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_wrong text;
  v_written integer;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF p_unit_kinds IS NOT NULL THEN
    PERFORM fn_iu_classify('unit_kind', p_unit_kinds, 'unit_kind');
  END IF;
  IF cardinality(p_bodies) IS DISTINCT FROM cardinality(p_unit_ids) OR array_position(p_bodies, NULL) > 0 THEN
    RAISE EXCEPTION 'body: every version has a body' USING ERRCODE = 'IU002', COLUMN = 'body';
  END IF;
  -- Units before collections: the lock order of every writer.
  PERFORM FROM information_unit WHERE id = ANY (p_unit_ids) ORDER BY id FOR UPDATE;
  GET DIAGNOSTICS v_written = ROW_COUNT;
  IF v_written IS DISTINCT FROM cardinality(p_unit_ids) THEN
    RAISE EXCEPTION 'unit_ids: names a unit twice, or one that does not exist' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END IF;
  SELECT format('%s (%s)', canonical_address, lifecycle_status) INTO v_wrong
  FROM information_unit WHERE id = ANY (p_unit_ids) AND lifecycle_status IN ('retired', 'deleted') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'unit % takes no new version', v_wrong USING ERRCODE = 'IU009', COLUMN = 'unit_ids', HINT = 'Restore it first.';
  END IF;
  WITH given AS (
    SELECT g.unit_id, g.body, coalesce(g.kind, u.unit_kind) AS kind, coalesce(g.title, u.title) AS title,
           u.current_version_seq + 1 AS version_seq, octet_length(g.body) - v.byte_length AS growth, sha256(convert_to(g.body, 'UTF8')) AS digest
    FROM unnest(p_unit_ids, p_bodies, p_unit_kinds, p_titles) AS g(unit_id, body, kind, title)
    JOIN information_unit AS u ON u.id = g.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
    WHERE v.content_digest <> sha256(convert_to(g.body, 'UTF8'))
  ), written AS (
    INSERT INTO unit_version (unit_id, version_seq, body, content_digest, byte_length)
    SELECT unit_id, version_seq, body, digest, octet_length(body) FROM given ORDER BY unit_id
    RETURNING unit_id
  ), applied AS (
    UPDATE information_unit AS u SET current_version_seq = given.version_seq, unit_kind = given.kind, title = given.title
    FROM given WHERE u.id = given.unit_id
  ), followed AS (
    SELECT fn_iu_collection_touch(p.collection_id, 0, sum(given.growth)::bigint)
    FROM given JOIN iu_collection_piece AS p ON p.unit_id = given.unit_id AND p.pinned_version_seq IS NULL
    GROUP BY p.collection_id ORDER BY p.collection_id
  )
  SELECT count(*) INTO v_written FROM written, (SELECT count(*) FROM followed) AS all_touched;
  RETURN v_written;
END
$function$;
ALTER FUNCTION fn_iu_apply_versions(bigint[],text[],text[],text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_apply_versions(bigint[],text[],text[],text[]) IS 'Gives each unit a new version where its body differs, and raises the revision of every collection that follows it; returns how many were written. IU001 closed gate, IU002 bad input, IU003 unknown unit, IU009 retired or deleted unit';
DROP FUNCTION iu_core.fn_dot_unit(jsonb,text);
DROP FUNCTION iu_core.fn_dot_run_write(dot_iu_command_run,jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_run_verify(dot_iu_command_run,dot_iu_command_run);
DROP FUNCTION iu_core.fn_dot_route_switched(text,boolean);
DROP FUNCTION iu_core.fn_dot_refusal_code(text);
DROP FUNCTION iu_core.fn_dot_params_kept(dot_iu_command,jsonb);
DROP FUNCTION iu_core.fn_dot_ledger_verify(text);
DROP FUNCTION iu_core.fn_dot_ledger_seal(integer);
DROP FUNCTION iu_core.fn_dot_ledger_row_digest(dot_iu_command_run);
DROP FUNCTION iu_core.fn_dot_gate_would_release(text);
DROP FUNCTION iu_core.fn_dot_gate_changed(text,jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_field(text,jsonb);
DROP FUNCTION iu_core.fn_dot_commands_register(jsonb);
DROP FUNCTION iu_core.fn_dot_commands_forget(text[]);
DROP FUNCTION iu_core.fn_dot_command_run(text,text,jsonb,text,text,bigint,text,text,text);
DROP FUNCTION iu_core.fn_dot_command_blocked(text);
DROP FUNCTION iu_core.fn_iu_right_rank(text);
DROP FUNCTION iu_core.fn_dot_collection_object(iu_collection);
DROP FUNCTION iu_core.fn_dot_collection(jsonb,text);
DROP FUNCTION iu_core.fn_dot_check(jsonb);
CREATE OR REPLACE FUNCTION iu_core.fn_dot_catalogue()
 RETURNS TABLE(class text, identity text, definition text, facts text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_data record;
BEGIN
  RETURN QUERY
  WITH grants AS (
    SELECT o.objid, o.classid, string_agg(format('%s %s', privilege, grantee), ', ' ORDER BY grantee, privilege) AS facts,
           string_agg(format('GRANT %s ON %s%s TO %s;', privilege, o.prefix, o.name, grantee), chr(10) ORDER BY grantee, privilege) AS sql
    FROM (
      SELECT oid AS objid, 'pg_class'::regclass AS classid, '' AS prefix, relname::text AS name, relowner AS owner, coalesce(relacl, acldefault('r', relowner)) AS acl
      FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind IN ('r', 'v')
      UNION ALL
      SELECT oid, 'pg_proc'::regclass, 'FUNCTION ', oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner))
      FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace
      UNION ALL
      SELECT oid, 'pg_namespace'::regclass, 'SCHEMA ', nspname::text, nspowner, coalesce(nspacl, acldefault('n', nspowner))
      FROM pg_namespace WHERE oid = 'iu_core'::regnamespace
    ) AS o
    CROSS JOIN LATERAL (
      SELECT a.privilege_type || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS privilege,
             CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
      FROM aclexplode(o.acl) AS a WHERE a.grantee <> o.owner
    ) AS g
    GROUP BY o.objid, o.classid
  ), described AS (
    SELECT objoid, classoid, objsubid, description FROM pg_description
  )
  SELECT 'schema', n.nspname::text,
         concat_ws(chr(10), format('CREATE SCHEMA %I AUTHORIZATION %s;', n.nspname, n.nspowner::regrole), format('COMMENT ON SCHEMA %I IS %L;', n.nspname, d.description), g.sql),
         concat_ws('; ', 'owner ' || n.nspowner::regrole, g.facts)
  FROM pg_namespace AS n
  LEFT JOIN grants AS g ON g.objid = n.oid AND g.classid = 'pg_namespace'::regclass
  LEFT JOIN described AS d ON d.objoid = n.oid AND d.classoid = 'pg_namespace'::regclass
  WHERE n.oid = 'iu_core'::regnamespace

  UNION ALL
  SELECT 'table', c.relname::text,
         concat_ws(chr(10),
           format('CREATE TABLE %I (%s)%s;', c.relname, (
             SELECT chr(10) || string_agg('  ' || line, ',' || chr(10) ORDER BY part, place) || chr(10) FROM (
               SELECT 1 AS part, a.attnum::text COLLATE "C" AS place_text, a.attnum::integer AS place,
                      concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                        CASE WHEN a.attcollation NOT IN (0, (SELECT typcollation FROM pg_type WHERE oid = a.atttypid)) THEN 'COLLATE ' || a.attcollation::regcollation END,
                        CASE WHEN a.attgenerated = 's' THEN format('GENERATED ALWAYS AS (%s) STORED', pg_get_expr(x.adbin, x.adrelid))
                             WHEN a.attidentity = 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
                             WHEN x.adbin IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(x.adbin, x.adrelid) END,
                        CASE WHEN a.attnotnull THEN 'NOT NULL' END) AS line
               FROM pg_attribute AS a LEFT JOIN pg_attrdef AS x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               UNION ALL
               SELECT 2, k.conname, (row_number() OVER (ORDER BY k.conname COLLATE "C"))::integer, format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
               FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'f', 'x')
             ) AS lines),
             CASE WHEN c.reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END),
           format('ALTER TABLE %I OWNER TO %s;', c.relname, c.relowner::regrole),
           (SELECT string_agg(pg_get_indexdef(i.indexrelid) || ';', chr(10) ORDER BY i.indexrelid::regclass::text COLLATE "C")
            FROM pg_index AS i WHERE i.indrelid = c.oid AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x'))),
           (SELECT string_agg(format('COMMENT ON %s IS %L;', CASE WHEN a.attname IS NULL THEN 'TABLE ' || quote_ident(c.relname) ELSE format('COLUMN %I.%I', c.relname, a.attname) END, d.description), chr(10) ORDER BY d.objsubid)
            FROM described AS d LEFT JOIN pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
            WHERE d.objoid = c.oid AND d.classoid = 'pg_class'::regclass),
           (SELECT string_agg(format('COMMENT ON CONSTRAINT %I ON %I IS %L;', k.conname, c.relname, d.description), chr(10) ORDER BY k.conname COLLATE "C")
            FROM pg_constraint AS k JOIN described AS d ON d.objoid = k.oid AND d.classoid = 'pg_constraint'::regclass WHERE k.conrelid = c.oid),
           g.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
  FROM pg_class AS c LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'r'

  UNION ALL
  SELECT 'function', p.oid::regprocedure::text,
         concat_ws(chr(10), rtrim(pg_get_functiondef(p.oid), chr(10)) || ';', format('ALTER FUNCTION %s OWNER TO %s;', p.oid::regprocedure, p.proowner::regrole),
                   format('COMMENT ON FUNCTION %s IS %L;', p.oid::regprocedure, d.description), g.sql),
         concat_ws('; ', 'owner ' || p.proowner::regrole, CASE WHEN p.prosecdef THEN 'security definer' ELSE 'security invoker' END,
                   CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END, array_to_string(p.proconfig, ', '), g.facts)
  FROM pg_proc AS p
  LEFT JOIN grants AS g ON g.objid = p.oid AND g.classid = 'pg_proc'::regclass
  LEFT JOIN described AS d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
  WHERE p.pronamespace = 'iu_core'::regnamespace

  UNION ALL
  SELECT 'view', c.relname::text,
         concat_ws(chr(10), format('CREATE VIEW %I%s AS', c.relname, CASE WHEN c.reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END),
                   pg_get_viewdef(c.oid), format('ALTER VIEW %I OWNER TO %s;', c.relname, c.relowner::regrole), format('COMMENT ON VIEW %I IS %L;', c.relname, d.description), g.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0))
  FROM pg_class AS c
  LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  LEFT JOIN described AS d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
  WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'v'

  UNION ALL
  SELECT 'trigger', format('%s on %s', t.tgname, t.tgrelid::regclass),
         concat_ws(chr(10), pg_get_triggerdef(t.oid) || ';', format('COMMENT ON TRIGGER %I ON %s IS %L;', t.tgname, t.tgrelid::regclass, d.description)),
         'executes ' || t.tgfoid::regprocedure
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
  LEFT JOIN described AS d ON d.objoid = t.oid AND d.classoid = 'pg_trigger'::regclass
  WHERE c.relnamespace = 'iu_core'::regnamespace AND NOT t.tgisinternal;

  -- What is data, but part of what was deployed. A unit before its table finds none.
  FOR v_data IN
    SELECT * FROM (VALUES
      ('config', 'dot_config', 'SELECT key, concat_ws(chr(10), value_type, description) FROM iu_core.dot_config'),
      ('vocabulary', 'iu_vocabulary', 'SELECT term_class || '' '' || term, description FROM iu_core.iu_vocabulary'),
      ('event_type', 'iu_event_type', 'SELECT event_type, concat_ws(chr(10), event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate) FROM iu_core.iu_event_type'),
      ('route', 'iu_outbound_route', 'SELECT route_code, concat_ws(chr(10), event_type, target_kind, target_ref) FROM iu_core.iu_outbound_route')
    ) AS v(class, relation, query)
  LOOP
    CONTINUE WHEN to_regclass('iu_core.' || v_data.relation) IS NULL;
    RETURN QUERY EXECUTE format('SELECT %L::text, q.i::text, q.d::text, q.d::text FROM (%s) AS q(i, d)', v_data.class, v_data.query);
  END LOOP;
END
$function$;
ALTER FUNCTION fn_dot_catalogue() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_catalogue() IS 'Every object of the schema as it stands: class, identity, the statements that make it, and the facts that no PostgreSQL version spells otherwise (owner, rights, columns, settings)';
DROP FUNCTION iu_core.dot_iu_validate_collection(jsonb,jsonb);
DROP FUNCTION iu_core.fn_iu_collection_findings(bigint);
DROP FUNCTION iu_core.dot_iu_soft_delete_piece(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_lifecycle_changed(information_unit,text);
DROP FUNCTION iu_core.dot_iu_set_password(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_set_account_right(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_run_worker(jsonb,jsonb);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_worker_run(p_worker_code text, p_batch_size integer DEFAULT 1000)
 RETURNS TABLE(status text, seen integer, attempts_written integer, skipped integer, dead_lettered integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_started constant timestamptz := clock_timestamp();
  v_own constant xid8 := pg_current_xact_id_if_assigned();
  v_lock integer;
  v_floor bigint;
  v_newest xid8;                   -- whatever began after it draws its event ids above v_floor
  v_now pg_snapshot;
  v_cursor iu_route_worker_cursor;
  v_page record;
  v_status text;
  v_rebased boolean;
  v_is_newest boolean := false;    -- the window ends at v_now: an empty page means that nothing waits
BEGIN
  status := 'idle'; seen := 0; attempts_written := 0; skipped := 0; dead_lettered := 0;
  IF p_batch_size IS NULL OR p_batch_size NOT BETWEEN 1 AND 100000 THEN
    RAISE EXCEPTION 'batch_size: % is not between 1 and 100000', coalesce(p_batch_size::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'batch_size';
  END IF;
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'a pass needs READ COMMITTED, not %', upper(current_setting('transaction_isolation'))
      USING ERRCODE = 'IU011', HINT = 'Its snapshot must be taken after its lock.';
  END IF;
  SELECT c.lock_no INTO v_lock FROM iu_route_worker_cursor AS c WHERE c.worker_code = p_worker_code;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', coalesce(p_worker_code, 'null') USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  IF NOT fn_iu_gate_is_open('iu_core.route_worker_enabled') THEN
    status := 'worker_gate_closed'; RETURN NEXT; RETURN;
  ELSIF NOT fn_iu_gate_is_open('iu_core.routes_master_enabled') THEN
    status := 'master_gate_closed'; RETURN NEXT; RETURN;
  END IF;
  -- An advisory lock, not a row lock: an empty pass must not even draw a transaction id.
  IF NOT pg_try_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), v_lock) THEN
    status := 'busy'; RETURN NEXT; RETURN;
  END IF;

  -- Statements whose order matters: the floor first, then the newest transaction (what is newer draws
  -- its event ids above the floor), then the snapshot (what is not newer and not running is finished in
  -- it); the cursor after the lock. A pass that has no id yet is given one by what it writes, and is then
  -- the newest itself; an empty pass must not have one.
  v_floor := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
  IF v_own IS NOT NULL THEN
    v_newest := fn_iu_newest_xid(v_own);
  END IF;
  v_now := pg_current_snapshot();
  SELECT * INTO STRICT v_cursor FROM iu_route_worker_cursor AS c WHERE c.worker_code = p_worker_code;
  -- By the lower end: the upper one of a fenced snapshot may lie ahead of the present one in peace.
  v_rebased := (v_cursor.system_identifier IS DISTINCT FROM fn_iu_system_identifier() OR pg_snapshot_xmin(v_cursor.snap_from) > pg_snapshot_xmax(v_now))
               AND EXISTS (SELECT FROM event_outbox);
  IF v_rebased THEN
    -- Trusted rows are told apart by this list alone, so it must be whole before the first page.
    v_newest := coalesce(v_newest, pg_current_xact_id());
  END IF;
  IF v_newest IS NOT NULL THEN
    v_now := fn_iu_snapshot_fenced(v_now, coalesce(v_own, v_newest), v_newest);
  END IF;

  IF v_rebased THEN
    -- The stored snapshots are another cluster's (or the cursor was reset): read everything once
    -- more, whatever transaction ids the rows carry. What is decided stays decided.
    v_cursor.system_identifier := fn_iu_system_identifier();
    v_cursor.snap_from := '1:1:'; v_cursor.floor_id := 0;
    v_cursor.snap_to := v_now; v_cursor.floor_to_id := v_floor; v_cursor.trusted_id := v_floor; v_cursor.last_id := 0;
    v_cursor.own_xid := NULL; v_cursor.own_last_id := 0;
    v_is_newest := true;
  END IF;

  LOOP
    IF v_cursor.snap_to IS NULL THEN
      v_cursor.snap_to := v_now; v_cursor.floor_to_id := v_floor; v_cursor.trusted_id := 0; v_cursor.last_id := 0;
      v_is_newest := true;
    END IF;
    -- Own events only in a window that ends now: an older one may lack what their subject had before.
    v_page := fn_iu_route_page(v_cursor, CASE WHEN v_is_newest THEN v_own END, p_batch_size);
    EXIT WHEN v_page.seen > 0 OR v_is_newest;
    -- A window that ended on a full page: nothing is left in it, open the next.
    v_cursor.snap_from := v_cursor.snap_to; v_cursor.floor_id := v_cursor.floor_to_id; v_cursor.snap_to := NULL;
  END LOOP;
  IF v_page.seen = 0 AND NOT v_rebased THEN
    RETURN NEXT; RETURN;
  END IF;
  IF v_newest IS NULL AND v_is_newest THEN
    v_cursor.snap_to := fn_iu_snapshot_fenced(v_now, pg_current_xact_id(), pg_current_xact_id());
  END IF;

  seen := v_page.seen;
  dead_lettered := v_page.dead_lettered;
  FOR i IN 1 .. cardinality(v_page.live_events) LOOP
    v_status := fn_iu_route_attempt_one(p_worker_code, v_page.live_events[i], v_page.live_routes[i], 1);
    attempts_written := attempts_written + CASE WHEN v_status IS NULL THEN 0 ELSE 1 END;
    dead_lettered := dead_lettered + CASE WHEN v_status = 'failed' THEN 1 ELSE 0 END;
  END LOOP;
  attempts_written := attempts_written + cardinality(v_page.statuses);
  skipped := cardinality(array_positions(v_page.statuses, 'skipped'));
  IF cardinality(v_page.statuses) > 0 THEN
    PERFORM fn_iu_route_rollup_add(p_worker_code, v_page.route_ids, v_page.statuses);
  END IF;

  IF v_page.seen < p_batch_size THEN
    v_cursor.snap_from := v_cursor.snap_to; v_cursor.floor_id := v_cursor.floor_to_id;
    v_cursor.snap_to := NULL; v_cursor.trusted_id := 0; v_cursor.last_id := 0;
  ELSE
    v_cursor.last_id := v_page.last_id;
  END IF;
  IF v_own IS NOT NULL AND v_is_newest THEN
    v_cursor.own_last_id := greatest(CASE WHEN v_cursor.own_xid = v_own THEN v_cursor.own_last_id ELSE 0 END, v_page.last_id);
    v_cursor.own_xid := v_own;
  END IF;
  UPDATE iu_route_worker_cursor AS c
  SET system_identifier = v_cursor.system_identifier, snap_from = v_cursor.snap_from, floor_id = v_cursor.floor_id,
      snap_to = v_cursor.snap_to, floor_to_id = v_cursor.floor_to_id, trusted_id = v_cursor.trusted_id, last_id = v_cursor.last_id,
      own_xid = v_cursor.own_xid, own_last_id = v_cursor.own_last_id,
      events_seen = c.events_seen + v_page.seen, last_pass_at = clock_timestamp(), last_pass_seen = v_page.seen
  WHERE c.worker_code = p_worker_code;
  IF seen = 0 THEN
    RETURN NEXT; RETURN;
  END IF;
  INSERT INTO iu_route_worker_run (worker_code, started_at, seen, attempts_written, skipped, dead_lettered)
  VALUES (p_worker_code, v_started, seen, attempts_written, skipped, dead_lettered);
  status := 'routed';
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_route_worker_run(text,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_worker_run(text,integer) IS 'One pass: gates, claim, next events, one attempt per event and route, dead letters, cursor; all in the caller''s transaction, which must be READ COMMITTED. status: routed, idle (nothing to route, nothing written), busy, worker_gate_closed, master_gate_closed. IU002 bad batch size, IU003 unknown worker, IU011 wrong isolation level';
GRANT EXECUTE ON FUNCTION fn_iu_route_worker_run(text,integer) TO iu_worker;
DROP FUNCTION iu_core.dot_iu_revoke_token(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_revise_piece(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_retire_piece(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_restore_piece(jsonb,jsonb);
DROP FUNCTION iu_core.fn_iu_lifecycle_set(bigint,text);
DROP FUNCTION iu_core.dot_iu_replay_dead_letters(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_replay_dead_letter(jsonb,jsonb);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_dead_letter_replay(p_dead_letter_id bigint)
 RETURNS TABLE(status text, decision text, attempt_no integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  v_letter iu_route_dead_letter;
  v_attempt_no integer;
BEGIN
  IF NOT fn_iu_gate_is_open('iu_core.route_worker_enabled') THEN
    status := 'worker_gate_closed'; RETURN NEXT; RETURN;
  ELSIF NOT fn_iu_gate_is_open('iu_core.routes_master_enabled') THEN
    status := 'master_gate_closed'; RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO v_letter FROM iu_route_dead_letter WHERE id = p_dead_letter_id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'dead_letter: none has the id %', coalesce(p_dead_letter_id::text, 'null') USING ERRCODE = 'IU003', COLUMN = 'dead_letter_id';
  ELSIF v_letter.status <> 'open' THEN
    status := 'already_resolved'; attempt_no := v_letter.resolved_attempt_no; RETURN NEXT; RETURN;
  END IF;
  SELECT max(a.attempt_no) + 1 INTO v_attempt_no FROM iu_route_attempt AS a WHERE a.event_id = v_letter.event_id AND a.route_id = v_letter.route_id;
  decision := fn_iu_route_attempt_one('replay', v_letter.event_id, v_letter.route_id, v_attempt_no);
  attempt_no := v_attempt_no;
  IF decision IN ('dry_run', 'sent') THEN
    UPDATE iu_route_dead_letter
    SET status = 'replayed', resolved_at = clock_timestamp(), resolved_by = session_user, resolved_attempt_no = v_attempt_no
    WHERE id = p_dead_letter_id;
    status := 'replayed';
  ELSE
    status := 'failed_again';
  END IF;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_route_dead_letter_replay(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_dead_letter_replay(bigint) IS 'Attempts a dead letter once more under the next attempt number: replayed, failed_again (it stays open), already_resolved, or the closed gate. IU003 unknown id';
GRANT EXECUTE ON FUNCTION fn_iu_route_dead_letter_replay(bigint) TO iu_worker;
DROP FUNCTION iu_core.dot_iu_reorder_piece(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_render_collection(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_remove_piece_from_collection(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_piece_facts(bigint,bigint);
DROP FUNCTION iu_core.dot_iu_release_held_events(jsonb,jsonb);
DROP FUNCTION iu_core.fn_iu_held_release(bigint[]);
DROP FUNCTION iu_core.dot_iu_register_route(jsonb,jsonb);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_routes_register(p_routes jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_code text;
  v_entry jsonb;
BEGIN
  FOR v_code, v_entry IN SELECT key, value FROM jsonb_each(p_routes) LOOP
    PERFORM fn_iu_classify('target_kind', ARRAY[v_entry ->> 'target_kind'], 'target_kind');
    IF NOT EXISTS (SELECT FROM iu_event_type WHERE event_type = v_entry ->> 'event_type') THEN
      RAISE EXCEPTION 'event_type: % is not registered', coalesce(v_entry ->> 'event_type', 'null')
        USING ERRCODE = 'IU007', COLUMN = 'event_type', HINT = 'Register the event type first.';
    END IF;
    -- A changed definition loses its approval; a known route keeps its switches.
    INSERT INTO iu_outbound_route (route_code, event_type, target_kind, target_ref, enabled, dry_run, definition_digest)
    VALUES (v_code, v_entry ->> 'event_type', v_entry ->> 'target_kind', v_entry ->> 'target_ref', coalesce((v_entry ->> 'enabled')::boolean, false), true,
            sha256(convert_to(concat_ws(chr(10), v_code, v_entry ->> 'event_type', v_entry ->> 'target_kind', v_entry ->> 'target_ref'), 'UTF8')))
    ON CONFLICT (route_code) DO UPDATE
    SET event_type = excluded.event_type, target_kind = excluded.target_kind, target_ref = excluded.target_ref, dry_run = true,
        definition_digest = excluded.definition_digest, approval_digest = NULL, registered_at = clock_timestamp(), registered_by = session_user
    WHERE iu_outbound_route.definition_digest <> excluded.definition_digest;
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_routes_register(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_routes_register(jsonb) IS 'Registers routes, always as dry runs: {"route_code": {"event_type", "target_kind", "target_ref", "enabled"}}; again with the same content changes nothing. IU002 unclassified target kind, IU007 unknown event type';
DROP FUNCTION iu_core.dot_iu_register_event_type(jsonb,jsonb);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_types_register(p_event_domain text, p_delivery_lane text, p_is_system boolean, p_types jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_event_types_register(text,text,boolean,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_types_register(text,text,boolean,jsonb) IS 'Registers event types of one domain and lane: {"type": {"description": text, "payload_schema": schema}}; again with the same content changes nothing. IU002 for an unclassified domain or a schema outside the subset, IU008 for a name of the other side';
DROP FUNCTION iu_core.dot_iu_refresh_metadata_axes(jsonb,jsonb);
DROP FUNCTION iu_core.fn_iu_axes_refresh(bigint[]);
DROP FUNCTION iu_core.fn_iu_axes_derive(bigint[]);
DROP FUNCTION iu_core.dot_iu_open_gate(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_gate_facts(text);
DROP FUNCTION iu_core.dot_iu_issue_token(jsonb,jsonb);
DROP FUNCTION iu_core.fn_iu_token();
DROP FUNCTION iu_core.dot_iu_import_text(jsonb,jsonb);
DROP FUNCTION iu_core.fn_iu_collection_return(bigint,integer);
DROP FUNCTION iu_core.dot_iu_enact_piece(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_enable_triggers(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_enable_route(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_enable_account(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_discard_held_events(jsonb,jsonb);
DROP VIEW iu_core.v_iu_held_event;
DROP FUNCTION iu_core.dot_iu_discard_dead_letter(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_letter_object(iu_route_dead_letter);
DROP FUNCTION iu_core.fn_dot_letter(bigint);
DROP FUNCTION iu_core.dot_iu_disable_triggers(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_triggers_switched(boolean);
DROP VIEW iu_core.v_iu_emitting_trigger;
DROP FUNCTION iu_core.dot_iu_disable_route(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_disable_account(jsonb,jsonb);
DROP FUNCTION iu_core.fn_iu_sessions_end(bigint,text);
DROP FUNCTION iu_core.fn_dot_account_keep_admin(iu_account);
DROP FUNCTION iu_core.fn_dot_account(text);
DROP FUNCTION iu_core.dot_iu_create_workflow_from_steps(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_create_piece(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_create_file_from_pieces(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_units(jsonb,text);
DROP FUNCTION iu_core.dot_iu_create_collection(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_collection_created(bigint,jsonb);
DROP FUNCTION iu_core.dot_iu_close_gate(jsonb,jsonb);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_gate_set(p_gate text, p_open boolean, p_reason text, p_expires_at timestamp with time zone DEFAULT NULL::timestamp with time zone)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  IF p_open IS NULL THEN
    RAISE EXCEPTION 'open: say true or false' USING ERRCODE = 'IU002', COLUMN = 'open';
  END IF;
  IF coalesce(btrim(p_reason), '') = '' THEN
    RAISE EXCEPTION 'reason: a gate changes only with a reason'
      USING ERRCODE = 'IU002', COLUMN = 'reason', HINT = 'Say why: --reason TEXT';
  END IF;
  IF p_expires_at <= clock_timestamp() THEN
    RAISE EXCEPTION 'expires_at: % is past', p_expires_at USING ERRCODE = 'IU002', COLUMN = 'expires_at';
  END IF;
  UPDATE dot_config
  SET value = p_open::text, value_type = 'gate', reason = btrim(p_reason),
      expires_at = CASE WHEN p_open THEN p_expires_at END,
      changed_by = session_user, changed_at = clock_timestamp()
  WHERE key = p_gate;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'gate % does not exist', p_gate
      USING ERRCODE = 'IU003', COLUMN = 'gate',
            HINT = 'Gates: ' || coalesce((SELECT string_agg(key, ', ' ORDER BY key) FROM dot_config WHERE value_type = 'gate'), '(none: run iu db deploy)');
  END IF;
  RETURN fn_iu_gate_state(p_gate);
END
$function$;
ALTER FUNCTION fn_iu_gate_set(text,boolean,text,timestamp with time zone) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_gate_set(text,boolean,text,timestamp with time zone) IS 'Opens or closes a gate with a reason, returns its state; IU002 without a reason, IU003 for an unknown gate';
DROP FUNCTION iu_core.dot_iu_clone_piece(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_unit_object(information_unit,bigint);
DROP FUNCTION iu_core.fn_dot_unit_facts(information_unit);
DROP FUNCTION iu_core.dot_iu_checkpoint_collection(jsonb,jsonb);
DROP FUNCTION iu_core.fn_iu_collection_checkpoint(bigint,text);
DROP FUNCTION iu_core.dot_iu_add_piece(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_place(bigint,bigint,jsonb);
DROP FUNCTION iu_core.dot_iu_add_account(jsonb,jsonb);
DROP FUNCTION iu_core.fn_dot_account_object(iu_account,bigint);
DROP TABLE iu_core.iu_unit_axis;
DROP TABLE iu_core.iu_sign_in_failure;
DROP TABLE iu_core.iu_session;
DROP TABLE iu_core.iu_relation;
DROP TABLE iu_core.iu_collection_piece_parked;
DROP TABLE iu_core.iu_collection_checkpoint_piece;
DROP TABLE iu_core.iu_collection_checkpoint;
DROP FUNCTION iu_core.fn_iu_actor();
DROP TABLE iu_core.iu_api_token;
DROP TABLE iu_core.iu_account;
ALTER TABLE iu_core.information_unit DROP COLUMN lifecycle_before;
DROP TABLE iu_core.dot_iu_command_unsealed;
DROP TABLE iu_core.dot_iu_command_seal;
DROP TABLE iu_core.dot_iu_command_run;
DROP TABLE iu_core.dot_iu_command;
DROP TABLE iu_core.dot_iu_acting;
