SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_import_unchanged(p_source_paths text[], p_digests text[], p_token text)
 RETURNS TABLE(source_path text, canonical_address text, pieces integer, byte_length bigint)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT c.source_path, c.canonical_address, c.piece_count, c.byte_length
  FROM fn_iu_who(p_token) AS w
  JOIN fn_dot_command_blocked(w.account_right) AS b ON b.command_code = 'dot_iu_import_text' AND b.code IS NULL AND w.scopes && ARRAY['*', b.command_code]
  CROSS JOIN unnest(p_source_paths, p_digests) AS g(source_path, digest)
  JOIN iu_collection AS c ON c.source_path = g.source_path
  WHERE c.status = 'active' AND c.render_revision = c.revision AND (c.render_digest, c.source_digest) = (decode(g.digest, 'hex'), decode(g.digest, 'hex'))
$function$;
ALTER FUNCTION fn_iu_import_unchanged(text[],text[],text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_import_unchanged(text[],text[],text) IS 'Of these sources, with the SHA-256 of each text in hex: those that an import would leave as they are. None for somebody who may not import now. IU012 nobody';
GRANT EXECUTE ON FUNCTION fn_iu_import_unchanged(text[],text[],text) TO iu_approver;
GRANT EXECUTE ON FUNCTION fn_iu_import_unchanged(text[],text[],text) TO iu_console;
GRANT EXECUTE ON FUNCTION fn_iu_import_unchanged(text[],text[],text) TO iu_operator;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_pattern_problem(p_pattern text)
 RETURNS text
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET standard_conforming_strings TO 'on'
AS $function$
DECLARE
  v_at integer := 1;
  v_token text;
  v_last text := '(';
  v_times integer[];
  v_most bigint;
  -- By level of groups: its pieces and how many of them may be empty, and the same of the last atom in it.
  v_pieces bigint[] := '{0}';
  v_empty bigint[] := '{0}';
  v_atom_pieces bigint[] := '{0}';
  v_atom_empty bigint[] := '{0}';
  v integer := 1;
BEGIN
  IF length(p_pattern) > 1000 THEN
    RETURN 'it has more than 1,000 characters';
  ELSIF starts_with(p_pattern, '***') THEN
    RETURN 'it begins with ***, which makes another language of what follows';
  END IF;
  WHILE v_at <= length(p_pattern) LOOP
    v_token := substr(p_pattern, v_at, 1);
    IF v_token = '\' THEN
      v_token := substr(p_pattern, v_at, 2);
    ELSIF v_token = '[' THEN
      -- Up to its bracket: one that stands first is a character, and [:alpha:] and its like have brackets of their own.
      v_token := substring(substr(p_pattern, v_at) FROM '^\[\^?\]?(?:\\.|\[:[^]:]*:\]|[^]\\[]|\[(?![.:=]))*\]');
      IF v_token IS NULL THEN
        RETURN 'it has a set that is not closed, or one with [. .] or [= =]';
      END IF;
    ELSIF v_token = '(' THEN
      v_token := substring(substr(p_pattern, v_at, 3) FROM '^\((?:\?:?.?)?');
    ELSIF v_token IN ('?', '*', '+', '{') THEN
      v_token := coalesce(substring(substr(p_pattern, v_at, 12) FROM '^(?:[?*+]|\{\d{1,4}(?:,\d{0,4})?\})\??'), v_token);
    END IF;
    IF v_token ~ '^\\[1-9]' THEN
      RETURN format('it refers back (%s)', v_token);
    ELSIF v_token ~ '^\(\?[^:]?$' THEN
      RETURN format('it looks ahead or behind, or has options (%s)', v_token);
    ELSIF v_token ~ '^\(' THEN
      v_token := CASE WHEN v_token LIKE '(?:%' THEN '(?:' ELSE '(' END;
      v := v + 1;
      IF v > 20 THEN
        RETURN 'its groups are nested deeper than 20';
      END IF;
      v_pieces[v] := 0; v_empty[v] := 0; v_atom_pieces[v] := 0; v_atom_empty[v] := 0;
    ELSIF v_token = ')' AND v > 1 THEN
      v := v - 1;
      v_atom_pieces[v] := 1 + v_pieces[v + 1];
      v_atom_empty[v] := v_empty[v + 1] + (v_last IN ('(', '(?:', '|'))::integer;
      v_pieces[v] := v_pieces[v] + v_atom_pieces[v];
      v_empty[v] := v_empty[v] + v_atom_empty[v];
    ELSIF v_token ~ '^(?:[?*+]|\{\d)' THEN
      v_times := CASE left(v_token, 1) WHEN '{' THEN string_to_array(btrim(v_token, '{,}?'), ',') WHEN '+' THEN '{1}' ELSE '{0}' END;
      v_most := greatest(v_times[cardinality(v_times)], 1);
      -- What it repeats is counted once by now.
      v_pieces[v] := v_pieces[v] + (v_most - 1) * v_atom_pieces[v];
      v_empty[v] := v_empty[v] + (v_most - 1) * v_atom_empty[v] + (v_times[1] = 0)::integer;
      v_atom_pieces[v] := v_most * v_atom_pieces[v];
      v_atom_empty[v] := v_most * v_atom_empty[v] + (v_times[1] = 0)::integer;
    ELSE
      v_atom_pieces[v] := 1;
      v_atom_empty[v] := (v_token IN ('^', '$', '\A', '\Z', '\m', '\M', '\y', '\Y', '[[:<:]]', '[[:>:]]') OR v_token = '|' AND v_last IN ('(', '(?:', '|'))::integer;
      v_pieces[v] := v_pieces[v] + 1;
      v_empty[v] := v_empty[v] + v_atom_empty[v];
    END IF;
    IF v_pieces[v] > 400 THEN
      RETURN 'with its repeats written out it has more than 400 pieces';
    ELSIF v_empty[v] > 50 THEN
      RETURN 'with its repeats written out it has more than 50 pieces that may be empty';
    END IF;
    v_last := v_token;
    v_at := v_at + length(v_token);
  END LOOP;
  RETURN NULL;
END
$function$;
ALTER FUNCTION fn_iu_pattern_problem(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_pattern_problem(text) IS 'Why the server could need longer for a pattern than its text is long: it refers back, looks ahead or behind, or is too large once its repeats are written out; null for one that cannot';
CREATE OR REPLACE FUNCTION iu_core.fn_dot_history_verify()
 RETURNS TABLE(ok boolean, problems text[], rows_sealed bigint, blocks bigint, blocks_unsealed bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_archived int8multirange;
  v_is_counted boolean;
  v_what text;
  v record;
BEGIN
  -- An archive that was removed before its events were written down hides whatever lies between its first and its last.
  SELECT coalesce(range_agg(coalesce(m.event_ids, int8multirange(int8range(a.first_id, a.last_id, '[]')))), '{}'), coalesce(bool_and(m.attempt_counts IS NOT NULL), true)
  INTO v_archived, v_is_counted
  FROM (SELECT DISTINCT ON (x.archive_id) x.archive_id, x.move, x.event_ids, x.attempt_counts FROM iu_archive_move AS x ORDER BY x.archive_id, x.id DESC) AS m
  JOIN iu_archive AS a ON a.id = m.archive_id WHERE m.move = 'removed';

  problems := '{}';
  FOR v_what IN SELECT k.what FROM fn_dot_history_kinds() AS k LOOP
    problems := problems || ARRAY(SELECT fn_dot_history_differs(v_what, v_archived));
  END LOOP;

  -- The clock may go back; then nothing is said of that block.
  SELECT b.seal_no, t.id, t.created_at, count(*) OVER () AS n INTO v
  FROM dot_iu_history_block AS b CROSS JOIN LATERAL unnest(b.row_keys) AS k JOIN event_outbox AS t ON t.id = k::bigint
  WHERE b.what = 'events' AND b.sealed_at > b.written_after AND (t.created_at < b.written_after - interval '1 minute' OR t.created_at > b.sealed_at + interval '1 minute')
  ORDER BY b.seal_no, t.id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('link %s: event %s says it was written at %s, and was not%s', v.seal_no, v.id, to_char(v.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"Z"'), CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;

  -- A letter stands for its attempts, and says of them what they say.
  SELECT a.event_id, a.route_id, a.attempt_no, count(*) OVER () AS n INTO v FROM iu_route_attempt AS a
  WHERE a.status = 'failed' AND NOT EXISTS (SELECT FROM iu_route_dead_letter AS d WHERE d.event_id = a.event_id AND d.route_id = a.route_id)
  ORDER BY a.event_id, a.route_id, a.attempt_no LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('attempt %s/%s/%s failed, and its dead letter is gone%s', v.event_id, v.route_id, v.attempt_no, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;
  SELECT l.id, l.status, count(*) OVER () AS n INTO v
  FROM iu_route_dead_letter AS l
  WHERE NOT l.event_id <@ v_archived AND NOT coalesce(
    EXISTS (SELECT FROM iu_route_attempt AS a WHERE (a.event_id, a.route_id, a.attempt_no, a.status, a.failure_code) = (l.event_id, l.route_id, l.attempt_no, 'failed', l.failure_code)
                                                    AND coalesce(a.failure_detail, '') = l.failure_detail)
    AND CASE l.status
      WHEN 'open' THEN NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = l.event_id AND a.route_id = l.route_id AND a.attempt_no > l.attempt_no)
      WHEN 'replayed' THEN EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = l.event_id AND a.route_id = l.route_id AND a.attempt_no = l.resolved_attempt_no AND a.status IN ('dry_run', 'sent'))
      WHEN 'rerouted' THEN EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = l.event_id AND a.route_id <> l.route_id AND a.worker_code = 'replay')
      WHEN 'corrected' THEN EXISTS (SELECT FROM dot_iu_command_run AS r WHERE r.object_refs @> ARRAY['dead_letter:' || l.id, 'event:' || l.corrected_by_event_id] AND r.status = 'succeeded' AND r.command_code = 'dot_iu_correct_dead_letter')
      WHEN 'discarded' THEN EXISTS (SELECT FROM dot_iu_command_run AS r WHERE r.object_refs @> ARRAY['dead_letter:' || l.id] AND r.status = 'succeeded' AND r.actor = l.resolved_by
                                                                             AND r.command_code IN ('dot_iu_discard_dead_letter', 'dot_iu_discard_dead_letters'))
    END, false)
  ORDER BY l.id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('dead letter %s is %s, and no attempt or run made it so%s', v.id, v.status, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;

  SELECT r.id, count(*) OVER () AS n INTO v FROM iu_archive AS r
  WHERE NOT EXISTS (SELECT FROM dot_iu_command_run AS c WHERE c.object_refs @> ARRAY['archive:' || r.file_name] AND c.status = 'succeeded' AND c.command_code = 'dot_iu_record_archive')
  ORDER BY r.id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('archive %s was put on record by no run of the ledger', v.id);
  END IF;

  SELECT c.*, count(*) OVER () AS n INTO v
  FROM (SELECT r.id, r.event_count, count(e.id) AS found
        FROM dot_iu_command_run AS r LEFT JOIN event_outbox AS e ON e.xid = r.xid AND e.id BETWEEN r.event_from AND r.event_to
        WHERE r.event_count > 0 AND NOT int8range(r.event_from, r.event_to, '[]') && v_archived
          AND r.mode <> 'plan' GROUP BY r.id) AS c
  WHERE c.found <> c.event_count ORDER BY c.id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('run %s wrote %s events, and there are %s%s', v.id, v.event_count, v.found, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;
  SELECT a.event_id, count(*) OVER () AS n INTO v FROM iu_route_attempt AS a
  WHERE NOT EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id) ORDER BY a.event_id LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('event %s was attempted, and is gone%s', v.event_id, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;

  -- Roll-ups count what is archived too; where an old archive does not say what it took, only their sum can be held.
  SELECT k.*, count(*) OVER () AS n INTO v
  FROM (SELECT coalesce(c.worker_code, r.worker_code) AS worker_code, coalesce(c.span_start, r.span_start) AS span_start, coalesce(c.route_id, r.route_id) AS route_id, coalesce(c.status, r.status) AS status,
               coalesce(c.n, 0) AS counted, coalesce(r.attempts, 0) AS kept
        FROM (SELECT worker_code, span_start, route_id, status, sum(n) AS n
              FROM (SELECT a.worker_code, date_trunc('hour', a.created_at, 'UTC') AS hour, a.route_id, a.status, count(*) AS n FROM iu_route_attempt AS a GROUP BY 1, 2, 3, 4
                    UNION ALL
                    SELECT x.worker_code, to_timestamp(x.hour), x.route_id, x.status, x.attempts
                    FROM (SELECT DISTINCT ON (y.archive_id) y.move, y.attempt_counts FROM iu_archive_move AS y ORDER BY y.archive_id, y.id DESC) AS m
                    CROSS JOIN LATERAL jsonb_to_recordset(m.attempt_counts) AS x(worker_code text, hour bigint, route_id integer, status text, attempts bigint) WHERE m.move = 'removed') AS p
              CROSS JOIN LATERAL (VALUES ('-infinity'::timestamptz), (p.hour)) AS s(span_start)
              GROUP BY 1, 2, 3, 4) AS c
        FULL JOIN iu_route_attempt_rollup AS r ON (r.worker_code, r.span_start, r.route_id, r.status) = (c.worker_code, c.span_start, c.route_id, c.status)) AS k
  WHERE CASE WHEN v_is_counted THEN k.counted <> k.kept ELSE k.counted > k.kept END
  ORDER BY k.worker_code, k.span_start, k.route_id, k.status LIMIT 1;
  IF v.n IS NOT NULL THEN
    problems := problems || format('the roll-up of %s, route %s, %s, %s counts %s attempts, and there are %s%s', v.worker_code, v.route_id, v.status,
      CASE WHEN isfinite(v.span_start) THEN to_char(v.span_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:00"Z"') ELSE 'all time' END, v.kept, v.counted, CASE WHEN v.n > 1 THEN format(' (and %s more)', v.n - 1) ELSE '' END);
  END IF;

  SELECT coalesce(sum(cardinality(b.row_keys)), 0), count(*) INTO rows_sealed, blocks FROM dot_iu_history_block AS b;
  SELECT count(*) INTO blocks_unsealed FROM dot_iu_history_unsealed;
  ok := cardinality(problems) = 0;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_dot_history_verify() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_history_verify() IS 'Recounts the history: every sealed row is compared with its digest, every row must be sealed or be about to be, dead letters and roll-ups are held against the attempts and the ledger. ok, or what differs, the first of each named. It takes as long as there are rows';
GRANT EXECUTE ON FUNCTION fn_dot_history_verify() TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_dot_stamp()
 RETURNS TABLE(part text, classes text[], stamp text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  v_schema constant oid := 'iu_core'::regnamespace;
  v_registered constant text[] := '{config,event_type,route}';
  -- The acceptances that hold, by the part that they belong to; there are few, if any.
  v_accepted constant jsonb := (SELECT jsonb_object_agg(n.part, n.stamp) FROM (SELECT CASE WHEN a.class = ANY (v_registered) THEN 'registered' WHEN a.class = 'principal' THEN 'guards' ELSE 'deployed' END AS part, string_agg(a.decision_id::text, ',' ORDER BY a.decision_id) AS stamp FROM fn_dot_accepted() AS a GROUP BY 1) AS n);
BEGIN
  -- Vocabulary, and what else stands in the schema, serve no command.
  part := 'deployed';
  classes := '{schema,table,view,function,trigger,command}';
  stamp := concat_ws(' ', 'accepted ' || (v_accepted ->> part),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_namespace WHERE oid = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_class WHERE relnamespace = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_attrdef WHERE adrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_constraint WHERE connamespace = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_index WHERE indrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_trigger WHERE tgrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_rewrite WHERE ev_class >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_policy),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_sequence),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_proc WHERE oid >= 16384 AND pronamespace = v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_description WHERE objoid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_iu_command),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class <> ALL (v_registered || '{principal}'::text[])));
  RETURN NEXT;
  -- Which commands these serve is told by what was deployed.
  part := 'registered';
  classes := v_registered;
  stamp := concat_ws(' ', stamp, 'accepted ' || (v_accepted ->> part),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_config),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM iu_event_type),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM iu_outbound_route),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class = ANY (v_registered)));
  RETURN NEXT;
  part := 'guards';
  classes := '{principal}';
  -- Roles stand in a table that only an administrator may read; what shows of them is little.
  stamp := concat_ws(' ', 'accepted ' || (v_accepted ->> part), pg_conf_load_time(), current_setting('fsync'), current_setting('full_page_writes'),
    (SELECT sum(hash_record_extended(r, 0)) FROM pg_roles AS r),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_auth_members),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_db_role_setting),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_database WHERE datname = current_database()),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_parameter_acl),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_default_acl),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_event_trigger),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_publication),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_publication_rel),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_publication_namespace),
    (SELECT sum(hash_array_extended(ARRAY[oid], 0)) FROM pg_subscription),
    (SELECT sum(hashtextextended(slot_name, 0)) FROM pg_replication_slots),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_inherits),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_foreign_table),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_class WHERE oid >= 16384 AND relkind <> 't' AND relnamespace <> v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_attrdef WHERE adrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_rewrite WHERE ev_class >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_trigger WHERE tgrelid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_policy),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_constraint WHERE connamespace <> v_schema),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_cast WHERE oid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM pg_proc WHERE oid >= 16384),
    (SELECT sum(hash_array_extended(ARRAY[xmin], 0)) FROM dot_inventory AS i WHERE i.class = 'principal'));
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_dot_stamp() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_stamp() IS 'The three parts that are compared before a command is carried out, each with its classes and a stamp that any change to them changes: what only a deploy makes, what commands register and switch, and what guards them from outside; milliseconds, where comparing takes ten times as long';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_payload_problems(p_payload jsonb, p_schema jsonb, p_path text DEFAULT '$'::text)
 RETURNS text[]
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
    IF p_schema ? 'items' THEN
      FOR v_key, v_value IN SELECT n - 1, e FROM jsonb_array_elements(v_payload) WITH ORDINALITY AS x(e, n) LOOP
        EXIT WHEN cardinality(v_problems) >= 20;
        v_problems := v_problems || fn_iu_payload_problems(v_value, p_schema -> 'items', format('%s[%s]', p_path, v_key));
      END LOOP;
    END IF;
  ELSIF v_type = 'string' AND p_schema ?| '{minLength,maxLength,pattern}' THEN
    IF length(v_payload #>> '{}') < (p_schema ->> 'minLength')::integer THEN v_problems := v_problems || format('%s: want at least %s characters', p_path, p_schema -> 'minLength'); END IF;
    IF length(v_payload #>> '{}') > (p_schema ->> 'maxLength')::integer THEN v_problems := v_problems || format('%s: want at most %s characters, have %s', p_path, p_schema -> 'maxLength', length(v_payload #>> '{}')); END IF;
    IF cardinality(v_problems) = 0 AND p_schema ? 'pattern' AND (v_payload @@ ('$ like_regex ' || (p_schema -> 'pattern')::text)::jsonpath) IS NOT TRUE THEN
      v_problems := v_problems || format('%s: want a text like %s', p_path, p_schema -> 'pattern');
    END IF;
  END IF;
  RETURN v_problems[:20];
END
$function$;
ALTER FUNCTION fn_iu_payload_problems(jsonb,jsonb,text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_payload_problems(jsonb,jsonb,text) IS 'The ways in which a payload breaks its schema, twenty at most, as "path: want …, have …"; empty when it meets it';
CREATE OR REPLACE FUNCTION iu_core.fn_dot_principals()
 RETURNS TABLE(identity text, definition text, undo text, refuses boolean)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET quote_all_identifiers TO 'off'
 SET standard_conforming_strings TO 'on'
 SET bytea_output TO 'hex'
 SET "DateStyle" TO 'ISO, YMD'
 SET "IntervalStyle" TO 'postgres'
 SET "TimeZone" TO 'UTC'
 SET extra_float_digits TO '1'
AS $function$
DECLARE
  v_schema constant oid := 'iu_core'::regnamespace;
  v_database constant oid := (SELECT oid FROM pg_database WHERE datname = current_database());
  v_owner constant oid := to_regrole('iu_owner');
  v_ours constant oid[] := ARRAY(SELECT to_regrole(substr(e.identity, 6))::oid FROM fn_dot_principals_expected() AS e WHERE e.identity LIKE 'role %' AND to_regrole(substr(e.identity, 6)) IS NOT NULL);
  -- Roles of PostgreSQL whose members read or write every table, or everything on the server.
  v_mighty constant oid[] := ARRAY(SELECT oid FROM pg_roles WHERE rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program'));
  -- Whoever is a member of one of ours, by whatever way.
  v_members oid[];
BEGIN
  RETURN QUERY
  SELECT format('role %I', rolname), format('ALTER ROLE %I %s;', rolname, concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END,
           CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
           CASE WHEN rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END, CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END, CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END)), NULL::text, true
  FROM pg_roles WHERE oid = ANY (v_ours);

  -- A membership is a row for who is a member and of what; in the versions that keep several, by who granted them, of all of them.
  -- From a role of ours, or one of the mighty, down to whoever is a member, by others or not; and from one of ours up to what it is a member of.
  RETURN QUERY
  WITH RECURSIVE edges AS MATERIALIZED (
    SELECT m.roleid, m.member, format('GRANT %s TO %s%s;', m.roleid::regrole, m.member::regrole, coalesce(' WITH ' || nullif(concat_ws(', ', CASE WHEN m.admin_option THEN 'ADMIN OPTION' END,
             CASE WHEN NOT (j ->> 'inherit_option')::boolean THEN 'INHERIT FALSE' END, CASE WHEN NOT (j ->> 'set_option')::boolean THEN 'SET FALSE' END), ''), '')) AS line,
           format('REVOKE %s FROM %s%s CASCADE;', m.roleid::regrole, m.member::regrole, ' GRANTED BY ' || (SELECT oid::regrole FROM pg_roles WHERE oid = m.grantor)) AS undo
    FROM pg_auth_members AS m CROSS JOIN LATERAL to_jsonb(m) AS j
  ), down(target, roleid, member) AS (
    SELECT e.roleid, e.roleid, e.member FROM edges AS e WHERE e.roleid = ANY (v_ours || v_mighty) AND NOT e.member = ANY (v_ours)
    UNION
    SELECT d.target, e.roleid, e.member FROM down AS d JOIN edges AS e ON e.roleid = d.member WHERE NOT e.member = ANY (v_ours)
  ), up(target, roleid, reached) AS (
    SELECT e.member, e.roleid, e.roleid FROM edges AS e WHERE e.member = ANY (v_ours)
    UNION
    SELECT u.target, u.roleid, e.roleid FROM up AS u JOIN edges AS e ON e.member = u.reached WHERE NOT u.reached = ANY (v_ours)
  )
  SELECT format('member %s of %s', d.member::regrole, d.target::regrole), string_agg(DISTINCT e.line, chr(10) ORDER BY e.line),
         -- By a role that is no member itself in good order it is told once what is wrong.
         string_agg(DISTINCT CASE WHEN d.roleid = d.target OR EXISTS (SELECT FROM dot_inventory AS i WHERE i.class = 'principal' AND i.identity = format('member %s of %s', d.roleid::regrole, d.target::regrole))
                             THEN e.undo ELSE format('-- it comes right with member %s of %s', d.roleid::regrole, d.target::regrole) END, chr(10)),
         d.target::regrole::text NOT IN ('iu_reader', 'iu_emitter', 'iu_worker')
  FROM down AS d JOIN edges AS e ON (e.roleid, e.member) = (d.roleid, d.member)
  -- Who may do everything is made no mightier by these.
  WHERE NOT (d.target = ANY (v_mighty) AND (SELECT rolsuper OR oid < 16384 FROM pg_roles WHERE oid = d.member))
  GROUP BY d.target, d.member
  UNION ALL
  SELECT format('member %s of %s', u.target::regrole, u.roleid::regrole),
         concat_ws(chr(10), (SELECT string_agg(DISTINCT e.line, chr(10) ORDER BY e.line) FROM edges AS e WHERE (e.roleid, e.member) = (u.roleid, u.target)), '-- and by that of ' || u.others),
         (SELECT string_agg(DISTINCT e.undo, chr(10)) FROM edges AS e WHERE (e.roleid, e.member) = (u.roleid, u.target)), u.roleid IS DISTINCT FROM to_regrole('iu_reader')
  FROM (SELECT target, roleid, string_agg(reached::regrole::text, ', ' ORDER BY reached::regrole::text COLLATE "C") FILTER (WHERE reached <> roleid) AS others FROM up GROUP BY target, roleid) AS u;

  v_members := ARRAY(
    WITH RECURSIVE down(member) AS (
      SELECT m.member FROM pg_auth_members AS m WHERE m.roleid = ANY (v_ours)
      UNION SELECT m.member FROM down AS d JOIN pg_auth_members AS m ON m.roleid = d.member)
    SELECT member FROM down WHERE NOT member = ANY (v_ours));

  RETURN QUERY
  SELECT format('role %I', rolname), format('ALTER ROLE %I %s;', rolname, a.said), format('ALTER ROLE %I %s;', rolname, regexp_replace(a.said, '(\w+)', 'NO\1', 'g')), true
  FROM pg_roles CROSS JOIN LATERAL (SELECT concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END) AS said) AS a
  WHERE oid = ANY (v_members) AND a.said <> '';

  RETURN QUERY
  SELECT format('setting %s of %s', split_part(s.line, '=', 1), n.whose), format('%s SET %s = %s;', n.what, split_part(s.line, '=', 1), CASE WHEN split_part(s.line, '=', 1) IN ('search_path', 'local_preload_libraries', 'session_preload_libraries', 'temp_tablespaces') THEN coalesce(nullif(v.value, ''), '''''') ELSE quote_literal(v.value) END),
         format('%s RESET %s;', n.what, split_part(s.line, '=', 1)), true
  FROM pg_db_role_setting AS d CROSS JOIN LATERAL unnest(d.setconfig) AS s(line)
  CROSS JOIN LATERAL (SELECT substr(s.line, strpos(s.line, '=') + 1) AS value) AS v
  CROSS JOIN LATERAL (
    SELECT CASE WHEN d.setrole = 0 AND d.setdatabase = 0 THEN 'all roles' WHEN d.setrole = 0 THEN 'the database' ELSE format('role %s%s', d.setrole::regrole, CASE WHEN d.setdatabase <> 0 THEN ' in the database' END) END AS whose,
           CASE WHEN d.setrole = 0 AND d.setdatabase = 0 THEN 'ALTER ROLE ALL' WHEN d.setrole = 0 THEN 'ALTER DATABASE current_database'
                ELSE format('ALTER ROLE %s%s', d.setrole::regrole, CASE WHEN d.setdatabase <> 0 THEN ' IN DATABASE current_database' END) END AS what
  ) AS n
  WHERE d.setdatabase IN (0, v_database) AND (d.setrole = 0 OR d.setrole = ANY (v_ours || v_members));

  -- As they are in force for everybody, whatever a session, a role or this database has set.
  RETURN QUERY
  SELECT format('setting %s of the server', s.name), format('%s = %s', s.name, s.reset_val),
         CASE WHEN s.source = 'command line' THEN format('-- it stands on the server''s command line: take it out there, and start the server anew') ELSE format(E'ALTER SYSTEM SET %s = ''%s'';\nSELECT pg_reload_conf();', s.name, w.value) END, true
  FROM (VALUES ('fsync', 'on'), ('full_page_writes', 'on'), ('synchronous_commit', 'on'), ('session_replication_role', 'origin'), ('zero_damaged_pages', 'off'), ('ignore_checksum_failure', 'off'), ('allow_system_table_mods', 'off'), ('event_triggers', 'on')) AS w(name, value)
  JOIN pg_settings AS s ON s.name = w.name
  WHERE s.reset_val <> w.value AND NOT (s.name = 'synchronous_commit' AND s.reset_val IN ('local', 'remote_write', 'remote_apply'))
    AND s.source NOT IN ('client', 'database', 'user', 'database user')
    AND NOT EXISTS (SELECT FROM pg_db_role_setting AS d CROSS JOIN LATERAL unnest(d.setconfig) AS l WHERE starts_with(l, s.name || '=') AND d.setdatabase IN (0, v_database) AND d.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user)));
  -- What was set and is not in force yet: for the owner to see only where an administrator lets it.
  IF has_function_privilege('pg_show_all_file_settings()', 'EXECUTE') THEN
    RETURN QUERY
    SELECT format('setting %s of the server, not in force yet', f.name), format('%s = %s', f.name, f.setting), format('ALTER SYSTEM RESET %s;', f.name), true
    FROM pg_show_all_file_settings() AS f
    WHERE f.name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'session_replication_role', 'zero_damaged_pages', 'ignore_checksum_failure') AND f.sourcefile LIKE '%postgresql.auto.conf'
      AND f.setting IS DISTINCT FROM (SELECT s.reset_val FROM pg_settings AS s WHERE s.name = f.name) AND f.setting IN ('off', 'false', 'no', '0', 'replica', 'local');
  END IF;

  RETURN QUERY
  SELECT 'owner of the database', format('ALTER DATABASE current_database OWNER TO %s;', datdba::regrole), NULL::text, true FROM pg_database WHERE oid = v_database;

  RETURN QUERY
  SELECT format('rights of %s on the database', n.name), string_agg(DISTINCT format('GRANT %s ON DATABASE current_database TO %s%s;', a.privilege_type, n.name, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END), chr(10)),
         format('REVOKE ALL ON DATABASE current_database FROM %s CASCADE;', n.name), true
  FROM pg_database AS d CROSS JOIN LATERAL aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
  CROSS JOIN LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS name) AS n
  WHERE d.oid = v_database AND a.grantee <> d.datdba
  GROUP BY n.name
  UNION ALL
  SELECT format('rights of PUBLIC on function %s', p.oid::regprocedure), format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC;', p.oid::regprocedure), format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC;', p.oid::regprocedure), false
  FROM pg_proc AS p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ fn_dot_closed_functions() AND has_function_privilege('public', p.oid, 'EXECUTE')
  UNION ALL
  SELECT 'rights of PUBLIC on schema public', 'GRANT CREATE ON SCHEMA public TO PUBLIC;', 'REVOKE CREATE ON SCHEMA public FROM PUBLIC;', true WHERE has_schema_privilege('public', to_regnamespace('public'), 'CREATE');

  -- Each function of ours looks into pg_catalog first: rights there that initdb did not give are rights on what all of us call.
  RETURN QUERY
  WITH given AS MATERIALIZED (
    SELECT 'pg_namespace'::regclass AS classid, n.oid, 'schema pg_catalog' AS called, '' AS name, n.nspacl AS acl, 'n' AS letter, n.nspowner AS owner FROM pg_namespace AS n WHERE n.nspname = 'pg_catalog'
    UNION ALL SELECT 'pg_proc'::regclass, p.oid, format('function pg_catalog.%s', p.oid::regprocedure), p.proname, p.proacl, 'f', p.proowner FROM pg_proc AS p WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.oid < 16384 AND p.proacl IS NOT NULL
    UNION ALL SELECT 'pg_class'::regclass, c.oid, format('table pg_catalog.%I', c.relname), c.relname, c.relacl, 'r', c.relowner FROM pg_class AS c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relacl IS NOT NULL
  ), more AS (
    SELECT g.called, g.name, a.grantee, a.privilege_type
    FROM given AS g CROSS JOIN LATERAL aclexplode(g.acl) AS a
    WHERE a.grantee <> g.owner AND (a.grantee = 0 OR a.grantee = ANY (v_ours || v_members) OR g.letter = 'n') AND NOT coalesce((SELECT r.rolsuper FROM pg_roles AS r WHERE r.oid = a.grantee), false)
      AND NOT EXISTS (
        SELECT FROM aclexplode(coalesce((SELECT i.initprivs FROM pg_init_privs AS i WHERE (i.classoid, i.objoid, i.objsubid) = (g.classid, g.oid, 0)), acldefault(g.letter::"char", g.owner))) AS i
        WHERE (i.grantee, i.privilege_type) = (a.grantee, a.privilege_type))
  )
  SELECT format('rights of %s on %s', n.name, m.called), string_agg(format('GRANT %s ON %s TO %s;', m.privilege_type, m.called, n.name), chr(10) ORDER BY m.privilege_type),
         format('REVOKE ALL ON %s FROM %s CASCADE;', m.called, n.name), true
  FROM more AS m CROSS JOIN LATERAL (SELECT CASE m.grantee WHEN 0 THEN 'PUBLIC' ELSE m.grantee::regrole::text END AS name) AS n
  -- Bootstrap takes these from PUBLIC and gives them to the owner, whose functions lock by them; the last an administrator may give, so that settings to come are seen.
  WHERE NOT (m.grantee = v_owner AND (m.name ~ fn_dot_closed_functions() OR m.name = 'pg_show_all_file_settings'))
  GROUP BY n.name, m.called;

  RETURN QUERY
  SELECT format('rights of %s on parameter %s', n.name, p.parname), string_agg(DISTINCT format('GRANT %s ON PARAMETER %I TO %s%s;', a.privilege_type, p.parname, n.name, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END), chr(10)),
         format('REVOKE ALL ON PARAMETER %I FROM %s CASCADE;', p.parname, n.name), true
  FROM pg_parameter_acl AS p CROSS JOIN LATERAL aclexplode(p.paracl) AS a
  CROSS JOIN LATERAL (SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS name) AS n
  WHERE a.grantee = 0 OR a.grantee = ANY (v_ours || v_members) AND NOT (SELECT rolsuper FROM pg_roles WHERE oid = a.grantee)
  GROUP BY n.name, p.parname;

  -- Of what the owner makes anywhere. In our schema they are class other, whoever's they are.
  RETURN QUERY
  SELECT format('default privileges of %s on %s', d.defaclrole::regrole, k.kind), d.defaclacl::text,
         (SELECT string_agg(format('ALTER DEFAULT PRIVILEGES FOR ROLE %s %s %s ON %s %s %s;', d.defaclrole::regrole, CASE WHEN is_more THEN 'REVOKE' ELSE 'GRANT' END, privilege_type, k.kind, CASE WHEN is_more THEN 'FROM' ELSE 'TO' END,
                   CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END), chr(10))
          FROM (SELECT true AS is_more, * FROM (SELECT grantee, privilege_type FROM aclexplode(d.defaclacl) EXCEPT SELECT grantee, privilege_type FROM aclexplode(acldefault(k.letter, d.defaclrole))) AS m
                UNION ALL SELECT false, * FROM (SELECT grantee, privilege_type FROM aclexplode(acldefault(k.letter, d.defaclrole)) EXCEPT SELECT grantee, privilege_type FROM aclexplode(d.defaclacl)) AS l) AS c), true
  FROM pg_default_acl AS d
  JOIN (VALUES ('r', 'TABLES', 'r'::"char"), ('S', 'SEQUENCES', 's'), ('f', 'FUNCTIONS', 'f'), ('T', 'TYPES', 'T'), ('n', 'SCHEMAS', 'n')) AS k(type, kind, letter) ON k.type = d.defaclobjtype::text
  WHERE d.defaclnamespace = 0 AND d.defaclrole = v_owner;

  RETURN QUERY
  SELECT format('event trigger %I', evtname), concat_ws(chr(10), format('CREATE EVENT TRIGGER %I ON %s%s EXECUTE FUNCTION %s;', evtname, evtevent, ' WHEN TAG IN (' || array_to_string(evttags, ', ') || ')', evtfoid::regprocedure),
         CASE WHEN evtenabled <> 'O' THEN format('-- enabled: %s', evtenabled) END), format('DROP EVENT TRIGGER IF EXISTS %I;', evtname), true
  FROM pg_event_trigger
  UNION ALL
  SELECT format('publication %I', p.pubname), concat_ws(chr(10), format('CREATE PUBLICATION %I%s; -- %s', p.pubname, CASE WHEN p.puballtables THEN ' FOR ALL TABLES' END, p.pubowner::regrole), CASE WHEN s.is_whole THEN format('ALTER PUBLICATION %I ADD TABLES IN SCHEMA iu_core;', p.pubname) END,
           (SELECT string_agg(format('ALTER PUBLICATION %I ADD TABLE %s;', p.pubname, r.prrelid::regclass), chr(10) ORDER BY r.prrelid::regclass::text COLLATE "C") FROM pg_publication_rel AS r WHERE r.prrelid = ANY (t.tables) AND r.prpubid = p.oid)),
         CASE WHEN p.puballtables THEN format('DROP PUBLICATION %I;', p.pubname)
              ELSE concat_ws(chr(10), CASE WHEN s.is_whole THEN format('ALTER PUBLICATION %I DROP TABLES IN SCHEMA iu_core;', p.pubname) END, 'ALTER PUBLICATION ' || quote_ident(p.pubname) || ' DROP TABLE ' || (SELECT string_agg('iu_core.' || quote_ident(c.relname), ', ') FROM pg_class AS c WHERE c.oid = ANY (t.tables)) || ';') END, false
  FROM pg_publication AS p
  CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_publication_namespace AS n WHERE n.pnpubid = p.oid AND n.pnnspid = v_schema) AS is_whole) AS s
  CROSS JOIN LATERAL (SELECT ARRAY(SELECT r.prrelid FROM pg_publication_rel AS r JOIN pg_class AS c ON c.oid = r.prrelid WHERE r.prpubid = p.oid AND c.relnamespace = v_schema) AS tables) AS t
  WHERE p.puballtables OR s.is_whole OR cardinality(t.tables) > 0
  UNION ALL
  SELECT format('subscription %I', subname), format('CREATE SUBSCRIPTION %I PUBLICATION %s; -- %s', subname, array_to_string(subpublications, ', '), subowner::regrole),
         format(E'ALTER SUBSCRIPTION %1$I DISABLE;\nALTER SUBSCRIPTION %1$I SET (slot_name = NONE);\nDROP SUBSCRIPTION %1$I;', subname), true
  FROM pg_subscription WHERE subdbid = v_database
  UNION ALL
  SELECT format('replication slot %I', slot_name), format('-- logical, by %s', plugin), format('SELECT pg_drop_replication_slot(%L);', slot_name), false
  FROM pg_replication_slots WHERE database = current_database() AND NOT temporary
  UNION ALL
  SELECT format('child %s of %s', h.inhrelid::regclass, h.inhparent::regclass), format('ALTER TABLE %s INHERIT %s;', h.inhrelid::regclass, h.inhparent::regclass), format('ALTER TABLE %s NO INHERIT %s;', h.inhrelid::regclass, h.inhparent::regclass), true
  FROM pg_inherits AS h JOIN pg_class AS c ON c.oid = h.inhparent JOIN pg_class AS l ON l.oid = h.inhrelid WHERE c.relnamespace = v_schema AND c.relkind IN ('r', 'f') AND l.relnamespace <> v_schema
  UNION ALL
  SELECT format('foreign table %s', f.ftrelid::regclass), format('CREATE FOREIGN TABLE %s SERVER %I OPTIONS (%s);', f.ftrelid::regclass, s.srvname, array_to_string(f.ftoptions, ', ')), format('DROP FOREIGN TABLE IF EXISTS %s CASCADE;', f.ftrelid::regclass), true
  FROM pg_foreign_table AS f JOIN pg_foreign_server AS s ON s.oid = f.ftserver JOIN pg_class AS c ON c.oid = f.ftrelid WHERE c.relnamespace <> v_schema AND f.ftoptions::text ~ 'iu_core';

  -- Whatever stands in another schema upon an object of ours, or upon what does: by PostgreSQL's own dependencies. And, which
  -- have none: functions that run with their owner's rights and name the schema, or whose owner is ours; and what anybody made
  -- in pg_catalog, where it comes before ours.
  RETURN QUERY
  WITH RECURSIVE mine(classid, objid) AS MATERIALIZED (
    SELECT 'pg_class'::regclass::oid, oid FROM pg_class WHERE relnamespace = v_schema
    UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = v_schema
    UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace = v_schema
  ), upon(classid, objid, objsubid, place) AS (
    SELECT d.classid, d.objid, d.objsubid, n.place
    FROM mine AS m JOIN pg_depend AS d ON (d.refclassid, d.refobjid) = (m.classid, m.objid)
    CROSS JOIN LATERAL (SELECT CASE d.classid
      WHEN 'pg_class'::regclass THEN (SELECT relnamespace FROM pg_class WHERE oid = d.objid) WHEN 'pg_proc'::regclass THEN (SELECT pronamespace FROM pg_proc WHERE oid = d.objid)
      WHEN 'pg_type'::regclass THEN (SELECT typnamespace FROM pg_type WHERE oid = d.objid) WHEN 'pg_constraint'::regclass THEN (SELECT connamespace FROM pg_constraint WHERE oid = d.objid)
      WHEN 'pg_rewrite'::regclass THEN (SELECT c.relnamespace FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE r.oid = d.objid)
      WHEN 'pg_trigger'::regclass THEN (SELECT c.relnamespace FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid WHERE t.oid = d.objid)
      WHEN 'pg_policy'::regclass THEN (SELECT c.relnamespace FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid WHERE p.oid = d.objid)
      WHEN 'pg_attrdef'::regclass THEN (SELECT c.relnamespace FROM pg_attrdef AS a JOIN pg_class AS c ON c.oid = a.adrelid WHERE a.oid = d.objid)
      WHEN 'pg_operator'::regclass THEN (SELECT oprnamespace FROM pg_operator WHERE oid = d.objid) WHEN 'pg_statistic_ext'::regclass THEN v_schema ELSE 0 END AS place) AS n
    WHERE d.deptype <> 'i' AND n.place <> v_schema AND d.classid NOT IN ('pg_publication_rel'::regclass, 'pg_publication_namespace'::regclass, 'pg_event_trigger'::regclass, 'pg_extension'::regclass)
    UNION
    SELECT d.classid, d.objid, 0, c.relnamespace
    FROM upon AS u JOIN pg_rewrite AS r ON u.classid = 'pg_rewrite'::regclass AND r.oid = u.objid
    JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = r.ev_class AND d.classid = 'pg_rewrite'::regclass AND d.deptype = 'n'
    JOIN pg_rewrite AS w ON w.oid = d.objid JOIN pg_class AS c ON c.oid = w.ev_class WHERE c.relnamespace <> v_schema
  ), before_ours(classid, objid) AS (
    SELECT s.classid, s.objid
    FROM (SELECT 'pg_proc'::regclass::oid AS classid, oid AS objid FROM pg_proc WHERE oid >= 16384 AND pronamespace = 'pg_catalog'::regnamespace
          UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oid >= 16384 AND oprnamespace = 'pg_catalog'::regnamespace
          UNION ALL SELECT 'pg_class'::regclass, oid FROM pg_class WHERE oid >= 16384 AND relnamespace = 'pg_catalog'::regnamespace AND relkind NOT IN ('i', 'I', 't')
          UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast WHERE oid >= 16384 AND castsource < 16384 AND casttarget < 16384) AS s
    WHERE NOT EXISTS (SELECT FROM pg_depend AS d WHERE (d.classid, d.objid) = (s.classid, s.objid) AND d.deptype = 'e')
  ), found AS (
    SELECT CASE classid WHEN 'pg_rewrite'::regclass THEN (SELECT CASE WHEN c.relkind IN ('v', 'm') THEN 'pg_class'::regclass::oid END FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE r.oid = u.objid) END AS as_class,
           CASE classid WHEN 'pg_rewrite'::regclass THEN (SELECT ev_class FROM pg_rewrite WHERE oid = u.objid) END AS as_oid, classid, objid, objsubid
    FROM upon AS u WHERE place NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast$|(toast_)?temp_\d+$)')
    UNION
    SELECT NULL, NULL, 'pg_proc'::regclass, oid, 0 FROM pg_proc
    WHERE prosecdef AND oid >= 16384 AND pronamespace <> v_schema AND pronamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_temp_\d+$') AND (prosrc ~ 'iu_core' OR proconfig::text ~ 'iu_core' OR proowner = v_owner)
    UNION
    SELECT NULL, NULL, classid, objid, 0 FROM before_ours
  ), named AS (
    SELECT DISTINCT o.type, o.identity, coalesce(f.as_class, f.classid) AS classid, coalesce(CASE WHEN f.as_class IS NOT NULL THEN f.as_oid END, f.objid) AS objid, f.objsubid
    FROM found AS f CROSS JOIN LATERAL pg_identify_object(coalesce(f.as_class, f.classid), coalesce(CASE WHEN f.as_class IS NOT NULL THEN f.as_oid END, f.objid), f.objsubid) AS o
    -- A table that inherits has a row of its own.
    WHERE NOT (f.classid = 'pg_class'::regclass AND f.objsubid = 0 AND EXISTS (SELECT FROM pg_inherits AS h WHERE h.inhrelid = f.objid))
  )
  SELECT format('%s %s', n.type, n.identity),
         CASE n.classid
           WHEN 'pg_class'::regclass THEN (SELECT concat_ws(chr(10), CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) ELSE format('-- %s %s', n.type, n.identity) END, 'options ' || array_to_string(c.reloptions, ', '), 'owner ' || c.relowner::regrole, 'rights ' || array_to_string(c.relacl, ', ')) FROM pg_class AS c WHERE c.oid = n.objid)
           WHEN 'pg_proc'::regclass THEN (SELECT concat_ws(chr(10), CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) ELSE n.identity END, 'owner ' || p.proowner::regrole, 'rights ' || array_to_string(p.proacl, ', ')) FROM pg_proc AS p WHERE p.oid = n.objid)
           WHEN 'pg_constraint'::regclass THEN pg_get_constraintdef(n.objid) WHEN 'pg_trigger'::regclass THEN pg_get_triggerdef(n.objid) WHEN 'pg_rewrite'::regclass THEN pg_get_ruledef(n.objid)
           WHEN 'pg_policy'::regclass THEN (SELECT concat_ws(chr(10), pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid), polroles::regrole[]::text) FROM pg_policy WHERE oid = n.objid)
           WHEN 'pg_attrdef'::regclass THEN (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE oid = n.objid)
           ELSE format('-- %s %s', n.type, n.identity) END,
         CASE n.type
           WHEN 'table constraint' THEN (SELECT format('ALTER TABLE IF EXISTS %s DROP CONSTRAINT IF EXISTS %I;', conrelid::regclass, conname) FROM pg_constraint WHERE oid = n.objid)
           WHEN 'domain constraint' THEN (SELECT format('ALTER DOMAIN %s DROP CONSTRAINT IF EXISTS %I;', contypid::regtype, conname) FROM pg_constraint WHERE oid = n.objid)
           WHEN 'trigger' THEN (SELECT format('DROP TRIGGER IF EXISTS %I ON %s;', tgname, tgrelid::regclass) FROM pg_trigger WHERE oid = n.objid)
           WHEN 'rule' THEN (SELECT format('DROP RULE IF EXISTS %I ON %s;', rulename, ev_class::regclass) FROM pg_rewrite WHERE oid = n.objid)
           WHEN 'policy' THEN (SELECT format('DROP POLICY IF EXISTS %I ON %s;', polname, polrelid::regclass) FROM pg_policy WHERE oid = n.objid)
           WHEN 'default value' THEN (SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP %s;', d.adrelid::regclass, a.attname, CASE WHEN a.attgenerated = '' THEN 'DEFAULT' ELSE 'EXPRESSION' END) FROM pg_attrdef AS d JOIN pg_attribute AS a ON (a.attrelid, a.attnum) = (d.adrelid, d.adnum) WHERE d.oid = n.objid)
           WHEN 'table column' THEN (SELECT format('ALTER TABLE %s ALTER COLUMN %I TYPE text USING %2$I::text;', a.attrelid::regclass, a.attname) FROM pg_attribute AS a WHERE (a.attrelid, a.attnum) = (n.objid, n.objsubid))
           WHEN 'sequence' THEN format('ALTER SEQUENCE %s OWNED BY NONE;', n.identity)
           WHEN 'type' THEN (SELECT format('DROP %s IF EXISTS %s CASCADE;', CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, n.identity) FROM pg_type WHERE oid = n.objid)
           WHEN 'cast' THEN format('DROP CAST IF EXISTS %s;', n.identity)
           ELSE format('DROP %s IF EXISTS %s CASCADE;', upper(n.type), n.identity) END,
         -- Who could not do it by himself could not do it by this.
         coalesce(pg_has_role(CASE n.classid WHEN 'pg_class'::regclass THEN (SELECT relowner FROM pg_class WHERE oid = n.objid) WHEN 'pg_proc'::regclass THEN (SELECT proowner FROM pg_proc WHERE oid = n.objid) END, v_owner, 'MEMBER'), n.type IN ('table constraint', 'trigger')) OR EXISTS (SELECT FROM before_ours AS b WHERE (b.classid, b.objid) = (n.classid, n.objid))
  FROM named AS n;
END
$function$;
ALTER FUNCTION fn_dot_principals() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_principals() IS 'What guards the schema from outside it, as it stands: each with its definition, the statements that undo it (null: its definition as it should be does), and whether it refuses commands where it is not as it should be';
CREATE OR REPLACE FUNCTION iu_core.fn_dot_catalogue(p_classes text[] DEFAULT NULL::text[])
 RETURNS TABLE(class text, identity text, definition text, facts text)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET quote_all_identifiers TO 'off'
 SET standard_conforming_strings TO 'on'
 SET bytea_output TO 'hex'
 SET "DateStyle" TO 'ISO, YMD'
 SET "IntervalStyle" TO 'postgres'
 SET "TimeZone" TO 'UTC'
 SET extra_float_digits TO '1'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
DECLARE
  v_data record;
  v_columns text[];
BEGIN
  -- What is data, but part of what was deployed. A unit before its table finds none, and
  -- fn_dot_drift() says that nothing is known of a table that cannot be read.
  FOR v_data IN
    SELECT * FROM (VALUES
      ('config', 'dot_config', '{key}', '{value_type,description}', '{value,reason}', '{false,"made anew, closed"}',
        'concat_ws(chr(10), value_type, description)'),
      ('vocabulary', 'iu_vocabulary', '{term_class,term}', '{description}', '{}', '{}', 'description'),
      ('command', 'dot_iu_command', '{command_code}', '{area,tier,required_right,gates,reason_required,confirm_param,body_params,secret_params,description,param_schema}', '{}', '{}',
        'concat_ws(chr(10), area, tier, required_right, gates, reason_required, confirm_param, body_params, secret_params, description, param_schema)'),
      ('event_type', 'iu_event_type', '{event_type}', '{event_domain,delivery_lane,is_system,description,payload_schema,payload_predicate}', '{}', '{}',
        'concat_ws(chr(10), event_domain, delivery_lane, is_system, description, payload_schema, payload_predicate)'),
      ('route', 'iu_outbound_route', '{route_code}', '{event_type,target_kind,target_ref,definition_digest}', '{}', '{}', 'concat_ws(chr(10), event_type, target_kind, target_ref)')
    ) AS v(class, relation, keys, columns, fixed, fixed_values, facts)
  LOOP
    CONTINUE WHEN NOT v_data.class = ANY (p_classes) OR has_table_privilege(to_regclass('iu_core.' || v_data.relation), 'SELECT') IS NOT TRUE;
    -- The definition of a row is the statement that makes it, or makes it again.
    v_columns := v_data.keys::text[] || v_data.columns::text[];
    RETURN QUERY EXECUTE format('SELECT %L::text, concat_ws('' '', %s)::text, format(%L, %s), (%s)::text FROM iu_core.%I', v_data.class, array_to_string(v_data.keys::text[], ', '),
      format(E'INSERT INTO %I (%s)\nVALUES (\n  %s)\nON CONFLICT (%s) DO UPDATE SET %s;', v_data.relation, array_to_string(v_columns || v_data.fixed::text[], ', '),
        (SELECT string_agg(v, E',\n  ' ORDER BY n) FROM (SELECT '%L', n FROM unnest(v_columns) WITH ORDINALITY AS c(c, n) UNION ALL SELECT quote_literal(f), 1000 + n FROM unnest(v_data.fixed_values::text[]) WITH ORDINALITY AS f(f, n)) AS v(v, n)),
        array_to_string(v_data.keys::text[], ', '), (SELECT string_agg(format('%s = excluded.%1$s', c), ', ') FROM unnest(v_data.columns::text[]) AS c)),
      (SELECT string_agg(c || '::text', ', ') FROM unnest(v_columns) AS c), v_data.facts, v_data.relation);
  END LOOP;
  IF 'principal' = ANY (p_classes) THEN
    RETURN QUERY SELECT 'principal', p.identity, p.definition, p.undo FROM fn_dot_principals() AS p;
  END IF;
  -- To plan the rest takes longer than to read all data.
  IF p_classes <@ '{config,vocabulary,command,event_type,route,principal}' THEN
    RETURN;
  END IF;

  RETURN QUERY
  WITH grants AS (
    SELECT o.objid, o.classid, string_agg(format('%s %s', privilege, grantee), ', ' ORDER BY grantee, privilege) AS facts,
           string_agg(CASE WHEN is_lost THEN format('REVOKE %s ON %s%s FROM %s;', privilege_type, o.prefix, o.name, grantee)
                           ELSE format('GRANT %s ON %s%s TO %s%s;', privilege_type, o.prefix, o.name, grantee, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END) END, chr(10) ORDER BY grantee, privilege) AS sql
    FROM (
      SELECT oid AS objid, 'pg_class'::regclass AS classid, '' AS prefix, relname::text AS name, relowner AS owner, coalesce(relacl, acldefault('r', relowner)) AS acl, acldefault('r', relowner) AS whole
      FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relkind IN ('r', 'v')
      UNION ALL
      SELECT oid, 'pg_proc'::regclass, 'FUNCTION ', oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner)), acldefault('f', proowner)
      FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace
      UNION ALL
      SELECT oid, 'pg_namespace'::regclass, 'SCHEMA ', nspname::text, nspowner, coalesce(nspacl, acldefault('n', nspowner)), acldefault('n', nspowner)
      FROM pg_namespace WHERE oid = 'iu_core'::regnamespace
    ) AS o
    CROSS JOIN LATERAL (
      SELECT a.privilege_type || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS privilege,
             CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee, a.privilege_type, a.is_grantable, false AS is_lost
      FROM aclexplode(o.acl) AS a WHERE a.grantee <> o.owner
      UNION ALL
      SELECT 'without ' || w.privilege_type, w.grantee::regrole::text, w.privilege_type, false, true
      FROM aclexplode(o.whole) AS w
      WHERE o.acl <> o.whole AND w.grantee = o.owner AND NOT EXISTS (SELECT FROM aclexplode(o.acl) AS a WHERE a.grantee = o.owner AND a.privilege_type = w.privilege_type)
    ) AS g
    GROUP BY o.objid, o.classid
  ), column_grants AS (
    SELECT a.attrelid AS objid, string_agg(format('GRANT %s (%I) ON %I TO %s%s;', x.privilege_type, a.attname, a.attrelid::regclass, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END,
             CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' END), chr(10) ORDER BY a.attname COLLATE "C", x.grantee::regrole::text COLLATE "C", x.privilege_type) AS sql
    FROM pg_attribute AS a CROSS JOIN LATERAL aclexplode(a.attacl) AS x
    WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND a.attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace)
    GROUP BY a.attrelid
  ), rules AS (
    SELECT r.ev_class AS objid, string_agg(regexp_replace(pg_get_ruledef(r.oid), '\s+', ' ', 'g'), chr(10) ORDER BY r.rulename COLLATE "C") AS sql
    FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE c.relnamespace = 'iu_core'::regnamespace AND r.rulename <> '_RETURN'
    GROUP BY r.ev_class
  ), described AS NOT MATERIALIZED (   -- by its index, object by object
    SELECT objoid, classoid, objsubid, description FROM pg_description
  )
  SELECT o.class, o.identity, o.definition, o.facts FROM (
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
                             WHEN a.attgenerated <> '' THEN format('GENERATED ALWAYS AS (%s) VIRTUAL', pg_get_expr(x.adbin, x.adrelid))
                             WHEN a.attidentity = 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
                             WHEN a.attidentity = 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY'
                             WHEN x.adbin IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(x.adbin, x.adrelid) END,
                        CASE WHEN a.attnotnull THEN 'NOT NULL' END) AS line
               FROM pg_attribute AS a LEFT JOIN pg_attrdef AS x ON x.adrelid = a.attrelid AND x.adnum = a.attnum
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               UNION ALL
               SELECT 2, k.conname, (row_number() OVER (ORDER BY k.conname COLLATE "C"))::integer, format('CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
               FROM pg_constraint AS k WHERE k.conrelid = c.oid AND (k.contype IN ('p', 'u', 'c', 'f', 'x') OR k.contype = 'n' AND NOT k.convalidated)
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
           g.sql,
           CASE WHEN c.relpersistence <> 'p' THEN format('ALTER TABLE %I SET UNLOGGED;', c.relname) END,
           CASE WHEN c.relreplident <> 'd' THEN format('ALTER TABLE %I REPLICA IDENTITY %s;', c.relname, CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE 'USING INDEX' END) END,
           CASE WHEN c.reltablespace <> 0 THEN format('ALTER TABLE %I SET TABLESPACE %I;', c.relname, (SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace)) END,
           CASE WHEN c.relrowsecurity THEN format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY;', c.relname) END,
           CASE WHEN c.relforcerowsecurity THEN format('ALTER TABLE %I FORCE ROW LEVEL SECURITY;', c.relname) END,
           (SELECT string_agg(format('CREATE POLICY %I ON %I AS %s FOR %s TO %s%s%s;', p.polname, c.relname, CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                     CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                     (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ') FROM unnest(p.polroles) AS r),
                     ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'), chr(10) ORDER BY p.polname COLLATE "C")
            FROM pg_policy AS p WHERE p.polrelid = c.oid),
           (SELECT string_agg(CASE WHEN c.relispartition THEN format('ALTER TABLE %s ATTACH PARTITION %I %s;', h.inhparent::regclass, c.relname, pg_get_expr(c.relpartbound, c.oid)) ELSE format('ALTER TABLE %I INHERIT %s;', c.relname, h.inhparent::regclass) END, chr(10) ORDER BY h.inhseqno) FROM pg_inherits AS h WHERE h.inhrelid = c.oid),
           (SELECT string_agg(concat_ws(chr(10),
                     CASE WHEN a.attstorage <> y.typstorage THEN format('ALTER TABLE %I ALTER COLUMN %I SET STORAGE %s;', c.relname, a.attname, CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END) END,
                     CASE WHEN a.attcompression <> '' THEN format('ALTER TABLE %I ALTER COLUMN %I SET COMPRESSION %s;', c.relname, a.attname, CASE a.attcompression WHEN 'p' THEN 'pglz' ELSE 'lz4' END) END,
                     CASE WHEN coalesce(a.attstattarget, -1) <> -1 THEN format('ALTER TABLE %I ALTER COLUMN %I SET STATISTICS %s;', c.relname, a.attname, a.attstattarget) END,
                     CASE WHEN a.attoptions IS NOT NULL THEN format('ALTER TABLE %I ALTER COLUMN %I SET (%s);', c.relname, a.attname, array_to_string(a.attoptions, ', ')) END), chr(10) ORDER BY a.attnum)
            FROM pg_attribute AS a JOIN pg_type AS y ON y.oid = a.atttypid
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND (a.attstorage <> y.typstorage OR a.attcompression <> '' OR coalesce(a.attstattarget, -1) <> -1 OR a.attoptions IS NOT NULL)),
           (SELECT string_agg(format('REINDEX INDEX %s;', i.indexrelid::regclass), chr(10) ORDER BY i.indexrelid::regclass::text COLLATE "C") FROM pg_index AS i WHERE i.indrelid = c.oid AND NOT i.indisvalid),
           (SELECT nullif(string_agg(concat_ws(chr(10),
                     CASE WHEN (q.seqstart, q.seqincrement, q.seqmin, q.seqcache, q.seqcycle) IS DISTINCT FROM (1::bigint, 1::bigint, 1::bigint, 1::bigint, false)
                       OR q.seqmax <> CASE q.seqtypid WHEN 'bigint'::regtype THEN 9223372036854775807 WHEN 'integer'::regtype THEN 2147483647 ELSE 32767 END
                       THEN format('ALTER SEQUENCE %I START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s %s;', s.relname, q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, CASE WHEN q.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) END,
                     CASE WHEN s.relowner <> c.relowner THEN format('ALTER SEQUENCE %I OWNER TO %s;', s.relname, s.relowner::regrole) END,
                     (SELECT string_agg(format('GRANT %s ON SEQUENCE %I TO %s%s;', x.privilege_type, s.relname, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' END),
                               chr(10) ORDER BY x.grantee::regrole::text COLLATE "C", x.privilege_type) FROM aclexplode(s.relacl) AS x WHERE x.grantee <> s.relowner)), chr(10) ORDER BY s.relname COLLATE "C"), '')
            FROM pg_depend AS b JOIN pg_class AS s ON s.oid = b.objid AND s.relkind = 'S' JOIN pg_sequence AS q ON q.seqrelid = s.oid
            WHERE b.classid = 'pg_class'::regclass AND b.refclassid = 'pg_class'::regclass AND b.refobjid = c.oid AND b.deptype = 'i'
            HAVING bool_or(s.relacl IS NOT NULL OR s.relowner <> c.relowner OR q.seqstart <> 1 OR q.seqincrement <> 1 OR q.seqmin <> 1 OR q.seqcache <> 1 OR q.seqcycle
                        OR q.seqmax <> CASE q.seqtypid WHEN 'bigint'::regtype THEN 9223372036854775807 WHEN 'integer'::regtype THEN 2147483647 ELSE 32767 END)),
           cg.sql, ru.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped))
  FROM pg_class AS c LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  LEFT JOIN column_grants AS cg ON cg.objid = c.oid
  LEFT JOIN rules AS ru ON ru.objid = c.oid
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
  WHERE p.pronamespace = 'iu_core'::regnamespace AND p.prokind <> 'a'   -- an aggregate has no such definition

  UNION ALL
  SELECT 'view', c.relname::text,
         concat_ws(chr(10), format('CREATE VIEW %I%s AS', c.relname, CASE WHEN c.reloptions IS NOT NULL THEN format(' WITH (%s)', array_to_string(c.reloptions, ', ')) END),
                   pg_get_viewdef(c.oid), format('ALTER VIEW %I OWNER TO %s;', c.relname, c.relowner::regrole), format('COMMENT ON VIEW %I IS %L;', c.relname, d.description), g.sql,
                   (SELECT string_agg(format('ALTER VIEW %I ALTER COLUMN %I SET DEFAULT %s;', c.relname, a.attname, pg_get_expr(x.adbin, x.adrelid)), chr(10) ORDER BY a.attnum)
                    FROM pg_attrdef AS x JOIN pg_attribute AS a ON a.attrelid = x.adrelid AND a.attnum = x.adnum WHERE x.adrelid = c.oid),
                   cg.sql, ru.sql),
         concat_ws('; ', 'owner ' || c.relowner::regrole, g.facts, (
           SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0))
  FROM pg_class AS c
  LEFT JOIN grants AS g ON g.objid = c.oid AND g.classid = 'pg_class'::regclass
  LEFT JOIN described AS d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
  LEFT JOIN column_grants AS cg ON cg.objid = c.oid
  LEFT JOIN rules AS ru ON ru.objid = c.oid
  WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'v'

  UNION ALL
  SELECT 'trigger', format('%s on %s', t.tgname, t.tgrelid::regclass),
         concat_ws(chr(10), pg_get_triggerdef(t.oid) || ';', format('COMMENT ON TRIGGER %I ON %s IS %L;', t.tgname, t.tgrelid::regclass, d.description)),
         'executes ' || t.tgfoid::regprocedure
  FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
  LEFT JOIN described AS d ON d.objoid = t.oid AND d.classoid = 'pg_trigger'::regclass
  WHERE c.relnamespace = 'iu_core'::regnamespace AND NOT t.tgisinternal

  -- Whatever else stands in the schema. Row types, array types, indexes and identity sequences belong to what
  -- is read above.
  UNION ALL
  SELECT 'other', format('%s %s', o.type, o.identity), format('-- %s %s', o.type, o.identity), o.type
  FROM pg_depend AS d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS o
  WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = 'iu_core'::regnamespace AND d.deptype IN ('n', 'a')
    AND NOT (d.classid = 'pg_proc'::regclass AND (SELECT prokind <> 'a' FROM pg_proc WHERE oid = d.objid))
    AND NOT (d.classid = 'pg_class'::regclass AND (SELECT relkind IN ('r', 'v') FROM pg_class WHERE oid = d.objid))
    AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_depend AS i WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i' AND i.refobjid <> d.objid))
    -- Who publishes the schema guards it, and has a row there.
    AND d.classid NOT IN ('pg_default_acl'::regclass, 'pg_publication_namespace'::regclass)
  UNION ALL
  SELECT 'other', format('default privileges of %s on %s', a.defaclrole::regrole, a.defaclobjtype),
         format('-- default privileges of %s on %s: %s', a.defaclrole::regrole, a.defaclobjtype, a.defaclacl),
         (SELECT string_agg(format('ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA iu_core REVOKE ALL ON %s FROM %s CASCADE;', a.defaclrole::regrole,
                   CASE a.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' ELSE 'TYPES' END, g.grantee), chr(10) ORDER BY g.grantee COLLATE "C")
          FROM (SELECT DISTINCT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END AS grantee FROM aclexplode(a.defaclacl) AS x) AS g)
  FROM pg_default_acl AS a WHERE a.defaclnamespace = 'iu_core'::regnamespace
  ) AS o(class, identity, definition, facts)
  WHERE p_classes IS NULL OR o.class = ANY (p_classes);
END
$function$;
ALTER FUNCTION fn_dot_catalogue(text[]) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_catalogue(text[]) IS 'Every object of the schema as it stands, or of the classes named: class, identity, the statements that make it, and the facts that no PostgreSQL version spells otherwise (owner, rights, columns, settings)';
