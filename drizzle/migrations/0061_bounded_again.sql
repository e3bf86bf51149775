-- unit: schema

-- requires: fn_iu_json_unbounded
-- Runs for bad rows only; says in words what the compiled predicate only answers with no. It stops at
-- twenty: a person reads them, and a long list of bad items must not hold up a pass. Nor must a page of which each
-- event is bad: where a plain expression does no query is made, and one long expression is begun sooner than many short ones.
-- A payload that was written before there was a bound, or past it, is not put into words: that alone could take the server's memory.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_payload_problems(p_payload jsonb, p_schema jsonb, p_path text DEFAULT '$')
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

-- requires: dot_iu_command_run, fn_dot_history_differs, iu_route_attempt_rollup, v_iu_archive
CREATE OR REPLACE FUNCTION iu_core.fn_dot_history_verify()
RETURNS TABLE (ok boolean, problems text[], rows_sealed bigint, blocks bigint, blocks_unsealed bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
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
        AND NOT (l.route_id = 0 AND EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = l.event_id AND a.route_id > 0 AND a.worker_code = 'replay' AND a.status IN ('dry_run', 'sent')))
        -- What was given up or corrected stays so: neither command can be undone.
        AND NOT EXISTS (SELECT FROM dot_iu_command_run AS r WHERE r.object_refs @> ARRAY['dead_letter:' || l.id] AND r.status = 'succeeded' AND r.mode = 'apply'
                                                                  AND r.command_code IN ('dot_iu_discard_dead_letter', 'dot_iu_discard_dead_letters', 'dot_iu_correct_dead_letter'))
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
$$;
COMMENT ON FUNCTION iu_core.fn_dot_history_verify() IS 'Recounts the history: every sealed row is compared with its digest, every row must be sealed or be about to be, dead letters and roll-ups are held against the attempts and the ledger. ok, or what differs, the first of each named. It takes as long as there are rows';
REVOKE ALL ON FUNCTION iu_core.fn_dot_history_verify() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_history_verify() TO iu_reader;

-- requires: iu_core
-- A pattern is taken where the server tells whether a text is like it in a time that grows with the text alone. Not so with
-- references back and with looks ahead or behind; and what may be empty (?, *, {0,2}, a side of |, ^) makes the
-- expression grow with the third power of how often it is there. So pieces are counted as if repeats were written out.
-- The expression has an arc for each kind of character that its sets and characters tell apart, too: n sets make 2^n kinds
-- of them at most, and a single character one. The product bounds what compiling takes: a fifth of a second at 50,000.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_pattern_problem(p_pattern text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
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
  v_sets text[] := '{}';
  v_characters text[] := '{}';
  v_kinds bigint;
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
      IF v_token ~ '^(?:\[|\\[dDsSwW])' THEN
        v_sets := array_append(array_remove(v_sets, lower(v_token)), lower(v_token));
      ELSE
        v_characters := array_append(array_remove(v_characters, v_token), v_token);
      END IF;
    END IF;
    IF v_pieces[v] > 400 THEN
      RETURN 'with its repeats written out it has more than 400 pieces';
    ELSIF v_empty[v] > 50 THEN
      RETURN 'with its repeats written out it has more than 50 pieces that may be empty';
    END IF;
    v_last := v_token;
    v_at := v_at + length(v_token);
  END LOOP;
  v_kinds := least(2::bigint ^ least(cardinality(v_sets), 30), 2 * length(p_pattern)) + cardinality(v_characters);
  IF v_kinds * v_pieces[1] * (1 + v_empty[1]) > 50000 THEN
    RETURN format('its sets tell %s kinds of characters apart, in %s pieces of which %s may be empty: their product is above 50,000', v_kinds, v_pieces[1], v_empty[1]);
  END IF;
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_pattern_problem(text) IS 'Why the server could need longer for a pattern than its text is long: it refers back, looks ahead or behind, or is too large once its repeats are written out; null for one that cannot';
REVOKE ALL ON FUNCTION iu_core.fn_iu_pattern_problem(text) FROM PUBLIC;
