-- unit: schema

CREATE TABLE iu_core.iu_replay_job (
  id bigint CONSTRAINT iu_replay_job_pkey PRIMARY KEY,
  what text COLLATE "C" NOT NULL,
  filter jsonb NOT NULL,
  total integer NOT NULL,
  per_second integer,
  status text COLLATE "C" NOT NULL DEFAULT 'running',
  done integer NOT NULL DEFAULT 0,
  replayed integer NOT NULL DEFAULT 0,
  failed_again integer NOT NULL DEFAULT 0,
  left_alone integer NOT NULL DEFAULT 0,
  next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_by text NOT NULL DEFAULT session_user,
  stopped_at timestamptz,
  stopped_by text,
  last_batch_at timestamptz,
  finished_at timestamptz,
  CONSTRAINT iu_replay_job_what_chk CHECK (what IN ('dead_letters', 'skipped')),
  CONSTRAINT iu_replay_job_status_chk CHECK (status IN ('running', 'stopped', 'done')),
  CONSTRAINT iu_replay_job_progress_chk CHECK (done BETWEEN 0 AND total AND done = replayed + failed_again + left_alone),
  CONSTRAINT iu_replay_job_done_chk CHECK ((status = 'done') = (done = total) AND (status = 'done') = (finished_at IS NOT NULL)),
  CONSTRAINT iu_replay_job_stopped_chk CHECK ((status = 'stopped') = (stopped_at IS NOT NULL))
) WITH (fillfactor = 50);
CREATE INDEX iu_replay_job_running_idx ON iu_core.iu_replay_job (next_at) WHERE status = 'running';
COMMENT ON TABLE iu_core.iu_replay_job IS 'Replays in the background: what each is to replay, how far it is, and how fast it may go';
COMMENT ON COLUMN iu_core.iu_replay_job.id IS 'counted under a lock and not from a sequence, so that a plan tells the number that its apply gives';
COMMENT ON COLUMN iu_core.iu_replay_job.what IS 'dead_letters, or skipped: events that a disabled route skipped';
COMMENT ON COLUMN iu_core.iu_replay_job.filter IS 'what was asked for; the ids themselves are frozen in iu_replay_batch';
COMMENT ON COLUMN iu_core.iu_replay_job.per_second IS 'at most so many a second; null = as fast as it goes';
COMMENT ON COLUMN iu_core.iu_replay_job.left_alone IS 'resolved by somebody else, or its route is disabled again: not attempted';
COMMENT ON COLUMN iu_core.iu_replay_job.next_at IS 'not before this, for the sake of per_second';

-- requires: iu_replay_job
-- Pairs in the order of replay, in arrays: a hundred thousand are written in a moment, plan and apply alike, and what
-- is done is a number in iu_replay_job.
CREATE TABLE iu_core.iu_replay_batch (
  job_id bigint NOT NULL CONSTRAINT iu_replay_batch_job_fkey REFERENCES iu_core.iu_replay_job (id),
  batch_no integer NOT NULL,
  event_ids bigint[] NOT NULL,
  route_ids integer[] NOT NULL,
  CONSTRAINT iu_replay_batch_pkey PRIMARY KEY (job_id, batch_no),
  CONSTRAINT iu_replay_batch_pairs_chk CHECK (cardinality(event_ids) = cardinality(route_ids) AND cardinality(event_ids) BETWEEN 1 AND 1000)
);
COMMENT ON TABLE iu_core.iu_replay_batch IS 'The frozen set of a background replay, a thousand pairs of event and route a row; batch 0 first';

-- What a disabled route skipped is replayed once it is enabled; any other row costs this index nothing.
CREATE INDEX iu_route_attempt_disabled_idx ON iu_core.iu_route_attempt (route_id, event_id) WHERE failure_code = 'route_disabled';

-- What one failure has of its own is taken out of its words, so that a fault has the same words each time: the value
-- that was found, whatever is quoted, identifiers, numbers. What breaks in many places of one payload is named once.
CREATE FUNCTION iu_core.fn_iu_failure_kind(p_failure_detail text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce(string_agg(DISTINCT part, '; ' ORDER BY part), '')
  FROM (
    SELECT regexp_replace(regexp_replace(regexp_replace(
             CASE WHEN p ~ ', have (string|number|boolean|object|array|null)$' THEN p ELSE regexp_replace(p, ', have .*$', ', have …') END,
             '''[^'']*(''|$)', '…', 'g'),
             '\m[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\M', '…', 'g'),
             '\d+([.,:]\d+)*', '#', 'g') COLLATE "C" AS part
    FROM regexp_split_to_table(regexp_replace(left(p_failure_detail, 4000), '"(\\.|[^"\\])*("|$)', '…', 'g'), '; (?=\$)') AS p
  ) AS parts
$$;
COMMENT ON FUNCTION iu_core.fn_iu_failure_kind(text) IS 'A failure''s words without what this one event has of its own: values, quoted texts, identifiers, numbers';
REVOKE ALL ON FUNCTION iu_core.fn_iu_failure_kind(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_failure_kind(text) TO iu_reader;

-- requires: fn_iu_failure_kind
CREATE FUNCTION iu_core.fn_iu_dead_letter_cause(p_failure_code text, p_route_id integer, p_event_type text, p_failure_detail text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT left(encode(sha256(convert_to(p_failure_code || chr(10) || p_route_id || chr(10) || p_event_type || chr(10) || fn_iu_failure_kind(p_failure_detail), 'UTF8')), 'hex'), 16)
$$;
COMMENT ON FUNCTION iu_core.fn_iu_dead_letter_cause(text, integer, text, text) IS 'The fingerprint of a failure''s cause: of its code, route and type of event, and of what its words have in common with others of the kind';
REVOKE ALL ON FUNCTION iu_core.fn_iu_dead_letter_cause(text, integer, text, text) FROM PUBLIC;

ALTER TABLE iu_core.iu_route_dead_letter
  ADD COLUMN corrected_by_event_id bigint,
  ADD COLUMN replay_job_id bigint,
  ADD COLUMN cause text COLLATE "C" NOT NULL GENERATED ALWAYS AS (iu_core.fn_iu_dead_letter_cause(failure_code, route_id, event_type, failure_detail)) STORED,
  DROP CONSTRAINT iu_route_dead_letter_status_chk,
  ADD CONSTRAINT iu_route_dead_letter_status_chk CHECK (status IN ('open', 'replayed', 'rerouted', 'corrected', 'discarded')),
  ADD CONSTRAINT iu_route_dead_letter_corrected_chk CHECK ((status = 'corrected') = (corrected_by_event_id IS NOT NULL));
CREATE INDEX iu_route_dead_letter_cause_idx ON iu_core.iu_route_dead_letter (cause, id) WHERE status = 'open';
CREATE INDEX iu_route_dead_letter_event_idx ON iu_core.iu_route_dead_letter (event_id);
CREATE INDEX iu_route_dead_letter_corrected_idx ON iu_core.iu_route_dead_letter (corrected_by_event_id) WHERE corrected_by_event_id IS NOT NULL;
COMMENT ON TABLE iu_core.iu_route_dead_letter IS 'A snapshot of an event whose attempt failed, open until it is replayed, rerouted, corrected or discarded';
COMMENT ON COLUMN iu_core.iu_route_dead_letter.status IS 'rerouted: no route had taken the event, and the routes that do now have attempts of their own; corrected: a new event stands for it';
COMMENT ON COLUMN iu_core.iu_route_dead_letter.corrected_by_event_id IS 'the event with the corrected payload';
COMMENT ON COLUMN iu_core.iu_route_dead_letter.replay_job_id IS 'the background replay that attempted it last';
COMMENT ON COLUMN iu_core.iu_route_dead_letter.cause IS 'fingerprint of the cause: letters of one fault have one';

-- requires: fn_dot_letter, fn_dot_letter_object, fn_iu_emit_event, fn_iu_payload_problems, iu_core
-- What was emitted stays as it was. The new event goes to every route of its type, as any event does, so that every
-- open letter of the old one is answered by it.
CREATE FUNCTION iu_core.dot_iu_correct_dead_letter(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_letter constant iu_route_dead_letter := fn_dot_letter((p_params ->> 'dead_letter')::bigint);
  v_payload constant jsonb := p_params -> 'payload';
  v_letters iu_route_dead_letter[];
  v_type iu_event_type;
  v_problems text[];
  v_event bigint;
  v_again text;
BEGIN
  SELECT * INTO v_type FROM iu_event_type WHERE event_type = v_letter.event_type;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event_type: % is not registered', v_letter.event_type USING ERRCODE = 'IU007', COLUMN = 'event_type', HINT = 'Register the type, then replay the letter or correct it.';
  ELSIF v_type.is_system THEN
    RAISE EXCEPTION 'event_type: % is emitted by the system only', v_letter.event_type
      USING ERRCODE = 'IU008', COLUMN = 'event_type', HINT = 'It says what happened here, which nobody can say otherwise. Mend the cause and replay the letter.';
  ELSIF v_payload = v_letter.payload THEN
    RAISE EXCEPTION 'payload: it is what it was' USING ERRCODE = 'IU016', COLUMN = 'payload', HINT = 'Replay the letter, if its cause is mended.';
  END IF;
  v_problems := ARRAY(SELECT regexp_replace(p, '^\$', 'payload') FROM unnest(fn_iu_payload_problems(v_payload, v_type.payload_schema)) AS p);
  IF (v_payload @@ v_type.payload_predicate) IS NOT TRUE THEN
    RAISE EXCEPTION 'payload: %', coalesce(nullif(array_to_string(v_problems, '; '), ''), 'it breaks the schema of its type')
      USING ERRCODE = 'IU002', COLUMN = 'payload', HINT = 'This is what the worker would say of it, too.';
  END IF;
  PERFORM FROM iu_route_dead_letter WHERE event_id = v_letter.event_id AND status = 'open' ORDER BY id FOR UPDATE;
  v_letters := ARRAY(SELECT d FROM iu_route_dead_letter AS d WHERE d.event_id = v_letter.event_id AND d.status = 'open' ORDER BY d.id);
  -- A type of lane immediate has a key for each occurrence; this is the one correction of this event.
  v_event := fn_iu_emit_event(v_letter.event_type, v_letter.event_subject_table, v_letter.event_subject_ref, v_payload,
                              CASE WHEN v_type.delivery_lane = 'immediate' THEN 'corrects event ' || v_letter.event_id END);
  UPDATE iu_route_dead_letter SET status = 'corrected', resolved_at = clock_timestamp(), resolved_by = fn_iu_actor(), corrected_by_event_id = v_event
  WHERE event_id = v_letter.event_id AND status = 'open';
  SELECT string_agg(DISTINCT r.route_code, ', ') INTO v_again
  FROM iu_outbound_route AS r JOIN iu_route_attempt AS a ON a.event_id = v_letter.event_id AND a.route_id = r.id AND a.status IN ('dry_run', 'sent');
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_letter.status, 'attempt', v_letter.attempt_no),
    'objects', (SELECT jsonb_agg(fn_dot_letter_object(l) ORDER BY (l).id) FROM unnest(v_letters) AS l),
    'refs', jsonb_build_array('event:' || v_letter.event_id, 'event:' || v_event),
    'result', jsonb_build_object('event', v_event, 'corrects_event', v_letter.event_id),
    'notes', to_jsonb(ARRAY(SELECT n FROM unnest(ARRAY[
      CASE WHEN cardinality(v_letters) > 1 THEN format('The event has %s open dead letters, one a route; the new event answers all of them.', cardinality(v_letters)) END,
      CASE WHEN v_again IS NOT NULL THEN format('Routes that had decided the first event get the new one as WELL: %s.', v_again) END,
      CASE WHEN (SELECT delivery_lane FROM event_outbox WHERE id = v_event) = 'held' THEN 'The master gate is closed: the new event is HELD until it is released.' END]) AS n WHERE n IS NOT NULL)),
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'letters_are_corrected', 'kind', 'dead_letters', 'ids', to_jsonb(ARRAY(SELECT (l).id FROM unnest(v_letters) AS l)), 'status', 'corrected'),
      jsonb_build_object('name', 'event_is_written', 'kind', 'event', 'event', v_event, 'type', v_letter.event_type, 'sha256', encode(sha256(convert_to(v_payload::text, 'UTF8')), 'hex'))),
    'irreversible', 'The new event is in the outbox.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_correct_dead_letter(jsonb, jsonb) IS 'Emits a new event with another payload in the place of one that failed; the old one stays. IU002 a payload that breaks its schema, IU008 an event of the system';
REVOKE ALL ON FUNCTION iu_core.dot_iu_correct_dead_letter(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core
-- As ranges: what follows upon another is one range, and a hundred thousand letters of one fault are a few.
CREATE FUNCTION iu_core.fn_dot_frozen(p_ids bigint[])
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT to_jsonb(coalesce(range_agg(int8range(i, i, '[]')), '{}')::text) FROM unnest(p_ids) AS i $$;
COMMENT ON FUNCTION iu_core.fn_dot_frozen(bigint[]) IS 'A set of ids as a plan keeps it';
REVOKE ALL ON FUNCTION iu_core.fn_dot_frozen(bigint[]) FROM PUBLIC;

-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_instant(p_params jsonb, p_name text)
RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  RETURN (p_params ->> p_name)::timestamptz;
EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow OR invalid_time_zone_displacement_value THEN
  RAISE EXCEPTION '%: "%" is no time', p_name, left(p_params ->> p_name, 80) USING ERRCODE = 'IU002', COLUMN = p_name, HINT = 'Write it as 2030-01-31T12:00:00Z.';
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_instant(jsonb, text) IS 'A parameter that is a time, null where it is not given; IU002 when it is none';
REVOKE ALL ON FUNCTION iu_core.fn_dot_instant(jsonb, text) FROM PUBLIC;

-- requires: iu_core
CREATE FUNCTION iu_core.fn_dot_thawed(p_frozen jsonb)
RETURNS bigint[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce(array_agg(i ORDER BY i), '{}')
  FROM unnest((p_frozen #>> '{}')::int8multirange) AS r CROSS JOIN LATERAL generate_series(lower(r), upper(r) - 1) AS i
$$;
COMMENT ON FUNCTION iu_core.fn_dot_thawed(jsonb) IS 'The ids of a set that fn_dot_frozen wrote';
REVOKE ALL ON FUNCTION iu_core.fn_dot_thawed(jsonb) FROM PUBLIC;

-- requires: fn_dot_frozen, fn_dot_instant, fn_dot_thawed, iu_core, iu_route_dead_letter, iu_outbound_route
-- Which letters a command on many is about: those that its plan froze, or those that match. What is to be replayed
-- leaves out those of disabled routes, which would only stand in the way of the others.
CREATE FUNCTION iu_core.fn_dot_letters(p_params jsonb, p_context jsonb, p_most integer, p_is_replay boolean)
RETURNS bigint[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_from constant timestamptz := fn_dot_instant(p_params, 'from');
  v_to constant timestamptz := fn_dot_instant(p_params, 'to');
  v_route constant integer := (SELECT id FROM iu_outbound_route WHERE route_code = p_params ->> 'route');
  v_ids bigint[];
  v_disabled text;
BEGIN
  IF p_context ? 'frozen' THEN
    RETURN fn_dot_thawed(p_context -> 'frozen');
  ELSIF p_params ? 'route' AND v_route IS NULL THEN
    RAISE EXCEPTION 'route: there is no %', p_params ->> 'route' USING ERRCODE = 'IU003', COLUMN = 'route';
  END IF;
  SELECT array_agg(id ORDER BY id) INTO v_ids
  FROM (
    SELECT d.id FROM iu_route_dead_letter AS d LEFT JOIN iu_outbound_route AS r ON r.id = d.route_id
    WHERE d.status = 'open'
      AND (NOT p_params ? 'cause' OR d.cause = p_params ->> 'cause')
      AND (NOT p_params ? 'failure_code' OR d.failure_code = p_params ->> 'failure_code')
      AND (NOT p_params ? 'event_type' OR d.event_type = p_params ->> 'event_type')
      AND (v_route IS NULL OR d.route_id = v_route)
      AND (v_from IS NULL OR d.created_at >= v_from)
      AND (v_to IS NULL OR d.created_at < v_to)
      AND (NOT p_params ? 'through' OR d.id <= (p_params ->> 'through')::bigint)
      AND (NOT p_is_replay OR coalesce(r.enabled, true))
    ORDER BY d.id LIMIT least(p_most, (p_params ->> 'limit')::integer)
  ) AS chosen;
  IF v_ids IS NULL THEN
    SELECT string_agg(route_code, ', ') INTO v_disabled
    FROM (SELECT r.route_code FROM iu_outbound_route AS r
          WHERE p_is_replay AND NOT r.enabled AND (v_route IS NULL OR r.id = v_route) AND (NOT p_params ? 'event_type' OR r.event_type = p_params ->> 'event_type')
            AND EXISTS (SELECT FROM iu_route_dead_letter AS d WHERE d.status = 'open' AND d.route_id = r.id AND (NOT p_params ? 'cause' OR d.cause = p_params ->> 'cause'))
          ORDER BY r.route_code LIMIT 5) AS routes;
    IF v_disabled IS NOT NULL THEN
      RAISE EXCEPTION 'no open dead letter that matches can be attempted: their route is disabled (%)', v_disabled USING ERRCODE = 'IU016', HINT = 'Enable the route first.';
    END IF;
    RAISE EXCEPTION 'no open dead letter matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN v_ids;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_letters(jsonb, jsonb, integer, boolean) IS 'The dead letters that a command on many is about; IU016 when none matches, or none could be attempted; IU003 unknown route';
REVOKE ALL ON FUNCTION iu_core.fn_dot_letters(jsonb, jsonb, integer, boolean) FROM PUBLIC;

-- requires: fn_dot_letter_object, fn_dot_letters, fn_dot_frozen, iu_core
CREATE FUNCTION iu_core.dot_iu_discard_dead_letters(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids constant bigint[] := fn_dot_letters(p_params, p_context, 10000, false);
  v_letters iu_route_dead_letter[];
  v_done bigint[];
BEGIN
  PERFORM FROM iu_route_dead_letter WHERE id = ANY (v_ids) ORDER BY id FOR UPDATE;
  v_letters := ARRAY(SELECT d FROM iu_route_dead_letter AS d WHERE d.id = ANY (v_ids) AND d.status = 'open' ORDER BY d.id);
  v_done := ARRAY(SELECT (l).id FROM unnest(v_letters) AS l);
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'all of them are resolved already' USING ERRCODE = 'IU016';
  END IF;
  UPDATE iu_route_dead_letter SET status = 'discarded', resolved_at = clock_timestamp(), resolved_by = fn_iu_actor() WHERE id = ANY (v_done);
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(fn_dot_letter_object(l) ORDER BY (l).id) FROM unnest(v_letters) AS l),
    'result', jsonb_build_object('letters', cardinality(v_ids), 'discarded', cardinality(v_done),
      'sample', (SELECT jsonb_agg(jsonb_build_object('dead_letter', (l).id, 'event', (l).event_id, 'event_type', (l).event_type, 'subject', (l).event_subject_ref, 'because', left((l).failure_detail, 200)) ORDER BY (l).id) FROM unnest(v_letters[:5]) AS l)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'letters_are_discarded', 'kind', 'dead_letters', 'ids', to_jsonb(v_done), 'status', 'discarded')),
    'irreversible', 'What was given up stays given up; the events are in the outbox.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_discard_dead_letters(jsonb, jsonb) IS 'Gives up the dead letters that a plan froze, with a reason';
REVOKE ALL ON FUNCTION iu_core.dot_iu_discard_dead_letters(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_frozen, fn_dot_thawed, iu_core, v_iu_held_event
CREATE FUNCTION iu_core.fn_dot_held(p_params jsonb, p_context jsonb)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  -- One decision at a time on what is held: none is released and discarded both.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.held_events'));
  RETURN CASE WHEN p_context ? 'frozen' THEN fn_dot_thawed(p_context -> 'frozen')
    ELSE ARRAY(SELECT event_id FROM v_iu_held_event
               WHERE (NOT p_params ? 'event_type' OR event_type = p_params ->> 'event_type') AND (NOT p_params ? 'through' OR event_id <= (p_params ->> 'through')::bigint)
               ORDER BY event_id LIMIT coalesce((p_params ->> 'limit')::integer, 10000)) END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_held(jsonb, jsonb) IS 'The held events that a command is about: those that its plan froze, or those that match; nobody else decides on held events until the caller''s transaction ends';
REVOKE ALL ON FUNCTION iu_core.fn_dot_held(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_frozen, fn_dot_held, iu_core, iu_held_decision, v_iu_held_event
CREATE OR REPLACE FUNCTION iu_core.dot_iu_discard_held_events(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[];
  v_done bigint[];
BEGIN
  v_ids := fn_dot_held(p_params, p_context);
  WITH decided AS (
    INSERT INTO iu_held_decision (event_id, decision, reason, decided_by)
    SELECT event_id, 'discarded', coalesce(p_context ->> 'reason', 'a plan'), fn_iu_actor() FROM v_iu_held_event WHERE event_id = ANY (v_ids) ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
  )
  SELECT coalesce(array_agg(event_id), '{}') INTO v_done FROM decided;
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'no held event matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || e.id, 'change', 'update', 'before', jsonb_build_object('lane', 'held', 'type', e.event_type, 'subject', e.event_subject_ref), 'after', jsonb_build_object('account', 'discarded')) ORDER BY e.id)
                FROM event_outbox AS e WHERE e.id = ANY (v_done)),
    'result', jsonb_build_object('discarded', cardinality(v_done), 'by_type', (SELECT jsonb_object_agg(event_type, n) FROM (SELECT event_type, count(*) AS n FROM event_outbox WHERE id = ANY (v_done) GROUP BY event_type) AS t)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_discarded', 'kind', 'held', 'ids', to_jsonb(v_done), 'account', 'discarded')),
    'irreversible', 'What was given up stays given up; the events are in the outbox, on lane held.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_discard_held_events(jsonb, jsonb) IS 'Gives up held events, with a reason; the plan freezes which';
REVOKE ALL ON FUNCTION iu_core.dot_iu_discard_held_events(jsonb, jsonb) FROM PUBLIC;

-- requires: dot_config, fn_dot_instant, fn_dot_gate_facts, fn_iu_gate_set, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_open_gate(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_gate constant text := p_params ->> 'gate';
  v_before jsonb;
  v_expires timestamptz;
BEGIN
  -- Judged on the row that is written: who is closing or opening it at this moment goes first.
  PERFORM FROM dot_config WHERE key = v_gate FOR UPDATE;
  v_before := fn_dot_gate_facts(v_gate);
  v_expires := fn_dot_instant(p_params, 'expires_at');
  IF v_before ->> 'state' = 'open' AND v_expires IS NOT DISTINCT FROM (v_before ->> 'expires_at')::timestamptz THEN
    RAISE EXCEPTION 'gate: % is open already', v_gate USING ERRCODE = 'IU016', COLUMN = 'gate';
  -- Who closed it does not open it: the second person. The schema's owner is no person, and could write the row anyway.
  ELSIF v_before ->> 'state' = 'closed' AND v_before ->> 'by' = p_context ->> 'actor' AND p_context ->> 'actor_kind' <> 'owner' THEN
    RAISE EXCEPTION 'gate: % closed it, and who closed a gate does not open it', p_context ->> 'actor' USING ERRCODE = 'IU018', COLUMN = 'gate', HINT = 'Ask another approver.';
  ELSIF v_before ->> 'state' IN ('missing', 'malformed') AND EXISTS (SELECT FROM iu_vocabulary WHERE term_class = 'gate' AND term = v_gate) THEN
    PERFORM fn_iu_gate_repair(v_gate);
  END IF;
  PERFORM fn_iu_gate_set(v_gate, true, coalesce(p_context ->> 'reason', 'a plan'), v_expires);
  -- One that was open already, until another time, is open until that time again.
  RETURN fn_dot_gate_changed(v_gate, v_before, CASE v_before ->> 'state'
      WHEN 'open' THEN jsonb_build_object('command', 'dot_iu_open_gate', 'params', jsonb_strip_nulls(jsonb_build_object('gate', v_gate, 'expires_at', v_before -> 'expires_at')))
      ELSE jsonb_build_object('command', 'dot_iu_close_gate', 'params', jsonb_build_object('gate', v_gate)) END)
    || jsonb_build_object('notes', fn_dot_gate_would_release(v_gate));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_open_gate(jsonb, jsonb) IS 'Opens a gate, until a time where one is given';
REVOKE ALL ON FUNCTION iu_core.dot_iu_open_gate(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_frozen, fn_dot_held, fn_iu_held_release, iu_core, v_iu_held_event
CREATE OR REPLACE FUNCTION iu_core.dot_iu_release_held_events(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[];
  v_done bigint[];
BEGIN
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_ids := fn_dot_held(p_params, p_context);
  v_done := ARRAY(SELECT fn_iu_held_release(v_ids));
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'no held event matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || e.id, 'change', 'update', 'before', jsonb_build_object('lane', 'held', 'type', e.event_type, 'subject', e.event_subject_ref), 'after', jsonb_build_object('account', 'released')) ORDER BY e.id)
                FROM event_outbox AS e WHERE e.id = ANY (v_done)),
    'result', jsonb_build_object('released', cardinality(v_done), 'by_type', (SELECT jsonb_object_agg(event_type, n) FROM (SELECT event_type, count(*) AS n FROM event_outbox WHERE id = ANY (v_done) GROUP BY event_type) AS t)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_released', 'kind', 'held', 'ids', to_jsonb(v_done), 'account', 'released')),
    'irreversible', 'The released events are in the outbox.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_release_held_events(jsonb, jsonb) IS 'Releases held events, in the order of writing; the plan freezes which';
REVOKE ALL ON FUNCTION iu_core.dot_iu_release_held_events(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_replay_job, v_iu_route_decision, fn_iu_route_attempt_one
-- The one way in which anything is attempted again: pairs of event and route that have an open dead letter, or whose
-- latest attempt was a skip because the route was disabled. As fn_iu_route_page it decides a set in one statement; only
-- live routes are taken one by one. What would do nothing (the route is disabled, no route takes it) writes nothing.
CREATE FUNCTION iu_core.fn_iu_replay(p_event_ids bigint[], p_route_ids integer[], p_job_id bigint DEFAULT NULL)
RETURNS TABLE (event_id bigint, route_id integer, dead_letter_id bigint, to_route_id integer, attempt_no integer, decision text, failure_detail text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_actor constant text := fn_iu_actor();
  v_at timestamptz;
  v record;
BEGIN
  -- Letters first, in one order: whoever replays the same ones waits here, and finds them resolved.
  PERFORM FROM unnest(p_event_ids, p_route_ids) AS p(event_id, route_id)
  JOIN iu_route_dead_letter AS d ON d.status = 'open' AND d.event_id = p.event_id AND d.route_id = p.route_id
  ORDER BY d.id FOR UPDATE OF d;
  -- An archive takes no event that is being attempted, and what it took is not attempted.
  PERFORM FROM event_outbox AS e WHERE e.id = ANY (p_event_ids) ORDER BY e.id FOR KEY SHARE;

  v_at := clock_timestamp();
  FOR v IN
    WITH asked AS MATERIALIZED (
      SELECT p.event_id, p.route_id, d.id AS dead_letter_id, d.id IS NOT NULL OR coalesce(l.failure_code = 'route_disabled', false) AS is_open
      FROM (SELECT DISTINCT event_id, route_id FROM unnest(p_event_ids, p_route_ids) AS x(event_id, route_id)) AS p
      LEFT JOIN iu_route_dead_letter AS d ON d.status = 'open' AND d.event_id = p.event_id AND d.route_id = p.route_id
      LEFT JOIN LATERAL (SELECT a.failure_code FROM iu_route_attempt AS a WHERE a.event_id = p.event_id AND a.route_id = p.route_id ORDER BY a.attempt_no DESC LIMIT 1) AS l ON d.id IS NULL
    ), decided AS MATERIALIZED (
      SELECT a.*, w.route_id AS to_route_id, w.target_kind, w.target_ref, w.decision, w.failure_code, w.failure_detail,
             -- An event that no route had taken goes to every route that it has by now.
             a.is_open AND bool_or(coalesce(w.decision, 'skipped') <> 'skipped') OVER (PARTITION BY a.event_id, a.route_id) AS is_attempted,
             (SELECT coalesce(max(n.attempt_no), 0) + 1 FROM iu_route_attempt AS n WHERE n.event_id = a.event_id AND n.route_id = w.route_id) AS attempt_no
      FROM asked AS a
      LEFT JOIN v_iu_route_decision AS w ON w.event_id = a.event_id AND (w.route_id = a.route_id OR a.route_id = 0) AND a.is_open
    ), attempted AS (
      INSERT INTO iu_route_attempt AS a (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
      SELECT event_id, to_route_id, attempt_no, decision, failure_code, failure_detail, target_kind, target_ref, 'replay', v_at
      FROM decided WHERE is_attempted AND decision <> 'live' ORDER BY event_id, to_route_id
      ON CONFLICT DO NOTHING
      RETURNING a.event_id, a.route_id, a.attempt_no, a.status, a.failure_code, a.failure_detail
    ), dead AS (
      INSERT INTO iu_route_dead_letter AS d (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                             event_subject_table, event_subject_ref, payload, actor, event_created_at, replay_job_id)
      SELECT e.id, a.route_id, a.attempt_no, a.failure_code, a.failure_detail, e.event_domain, e.event_type,
             e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at, p_job_id
      FROM attempted AS a JOIN event_outbox AS e ON e.id = a.event_id
      WHERE a.status = 'failed' ORDER BY e.id, a.route_id
      ON CONFLICT (event_id, route_id) WHERE status = 'open'
      DO UPDATE SET attempt_no = excluded.attempt_no, failure_code = excluded.failure_code, failure_detail = excluded.failure_detail,
                    replay_job_id = coalesce(excluded.replay_job_id, d.replay_job_id)
    ), resolved AS (
      UPDATE iu_route_dead_letter AS d
      SET status = CASE WHEN r.is_rerouted THEN 'rerouted' ELSE 'replayed' END, resolved_at = clock_timestamp(), resolved_by = v_actor,
          resolved_attempt_no = CASE WHEN NOT r.is_rerouted THEN r.attempt_no END, replay_job_id = coalesce(p_job_id, d.replay_job_id)
      FROM (SELECT DISTINCT ON (x.dead_letter_id) x.dead_letter_id, x.attempt_no, x.route_id <> x.to_route_id AS is_rerouted
            FROM decided AS x LEFT JOIN attempted AS a ON a.event_id = x.event_id AND a.route_id = x.to_route_id
            WHERE x.dead_letter_id IS NOT NULL AND x.is_attempted
              AND CASE WHEN x.route_id <> x.to_route_id THEN x.decision = 'live' OR a.event_id IS NOT NULL ELSE a.status = 'dry_run' END) AS r
      WHERE d.id = r.dead_letter_id
    ), counted AS (
      SELECT fn_iu_route_rollup_add('replay', v_at, array_agg(c.route_id), array_agg(c.status), array_agg(c.n))
      FROM (SELECT route_id, status, count(*)::integer AS n FROM attempted GROUP BY route_id, status) AS c
      HAVING count(*) > 0
    )
    SELECT x.event_id, x.route_id, x.dead_letter_id, x.to_route_id, a.attempt_no, x.decision = 'live' AND x.is_attempted AS is_live, x.attempt_no AS next_no,
           CASE WHEN NOT x.is_open OR (x.is_attempted AND a.event_id IS NULL) THEN 'already_resolved'
                WHEN x.to_route_id IS NULL THEN 'no_route'
                WHEN NOT x.is_attempted THEN x.failure_code
                ELSE a.status END AS decision, a.failure_detail
    FROM decided AS x LEFT JOIN attempted AS a ON a.event_id = x.event_id AND a.route_id = x.to_route_id AND x.is_attempted
    WHERE (SELECT count(*) FROM counted) >= 0
    ORDER BY x.event_id, x.route_id, x.to_route_id
  LOOP
    event_id := v.event_id; route_id := v.route_id; dead_letter_id := v.dead_letter_id; to_route_id := v.to_route_id;
    attempt_no := v.attempt_no; decision := v.decision; failure_detail := v.failure_detail;
    IF v.is_live THEN
      decision := coalesce(fn_iu_route_attempt_one('replay', v.event_id, v.to_route_id, v.next_no), 'already_resolved');
      attempt_no := CASE WHEN decision <> 'already_resolved' THEN v.next_no END;
      IF decision = 'failed' THEN
        SELECT a.failure_detail INTO failure_detail FROM iu_route_attempt AS a WHERE a.event_id = v.event_id AND a.route_id = v.to_route_id AND a.attempt_no = v.next_no;
        UPDATE iu_route_dead_letter AS d SET replay_job_id = coalesce(p_job_id, d.replay_job_id)
        WHERE d.event_id = v.event_id AND d.route_id = v.to_route_id AND d.status = 'open';
      ELSIF decision = 'sent' THEN
        UPDATE iu_route_dead_letter AS d
        SET status = 'replayed', resolved_at = clock_timestamp(), resolved_by = v_actor, resolved_attempt_no = v.next_no, replay_job_id = coalesce(p_job_id, d.replay_job_id)
        WHERE d.id = v.dead_letter_id AND d.status = 'open';
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_replay(bigint[], integer[], bigint) IS 'Attempts pairs of event and route once more, each under its next number. One row a pair (one a route for an event that no route had taken): decision dry_run, sent, failed (dead-lettered again), skipped (one route of several is disabled), or nothing was written: already_resolved, route_disabled, no_route';
REVOKE ALL ON FUNCTION iu_core.fn_iu_replay(bigint[], integer[], bigint) FROM PUBLIC;

-- requires: fn_iu_replay
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_dead_letter_replay(p_dead_letter_id bigint)
RETURNS TABLE (status text, decision text, attempt_no integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_letter iu_route_dead_letter;
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
  -- The worst of what its routes say, where it goes to several.
  SELECT r.decision, r.attempt_no INTO decision, attempt_no
  FROM fn_iu_replay(ARRAY[v_letter.event_id], ARRAY[v_letter.route_id]) AS r
  ORDER BY r.decision = 'failed' DESC, r.attempt_no IS NOT NULL DESC, r.decision LIMIT 1;
  IF attempt_no IS NULL THEN
    status := decision; decision := NULL;
  ELSE
    status := CASE WHEN decision = 'failed' THEN 'failed_again' ELSE 'replayed' END;
  END IF;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) IS 'Attempts a dead letter once more under the next attempt number: replayed, failed_again (it stays open), already_resolved, route_disabled or no_route (nothing was attempted), or the closed gate. IU003 unknown id';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_dead_letter_replay(bigint) TO iu_worker;

-- requires: fn_dot_letter, fn_dot_letter_object, fn_iu_route_dead_letter_replay, iu_core
CREATE OR REPLACE FUNCTION iu_core.dot_iu_replay_dead_letter(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_letter iu_route_dead_letter;
  v_replay record;
  v_route integer;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_letter := fn_dot_letter((p_params ->> 'dead_letter')::bigint);
  SELECT * INTO STRICT v_replay FROM fn_iu_route_dead_letter_replay(v_letter.id);
  IF v_replay.status = 'route_disabled' THEN
    RAISE EXCEPTION 'dead_letter: %: its route % is disabled', v_letter.id, coalesce((SELECT route_code FROM iu_outbound_route WHERE id = v_letter.route_id), 'for ' || v_letter.event_type)
      USING ERRCODE = 'IU016', COLUMN = 'dead_letter', HINT = 'Enable the route first.';
  ELSIF v_replay.status = 'no_route' THEN
    RAISE EXCEPTION 'dead_letter: %: no route takes %', v_letter.id, v_letter.event_type
      USING ERRCODE = 'IU016', COLUMN = 'dead_letter', HINT = 'Register a route for the type, or discard the letter.';
  END IF;
  -- An event that no route had taken is attempted on those that take it now.
  SELECT a.route_id INTO STRICT v_route FROM iu_route_attempt AS a JOIN iu_route_dead_letter AS d ON d.id = v_letter.id
  WHERE a.event_id = v_letter.event_id AND a.attempt_no = v_replay.attempt_no AND CASE d.status WHEN 'rerouted' THEN a.route_id > 0 ELSE a.route_id = v_letter.route_id END
  ORDER BY a.route_id LIMIT 1;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_letter.status, 'attempt', v_letter.attempt_no),
    'objects', jsonb_build_array(fn_dot_letter_object(v_letter)),
    'refs', jsonb_build_array('event:' || v_letter.event_id),
    'result', jsonb_build_object('status', v_replay.status, 'decision', v_replay.decision, 'attempt_no', v_replay.attempt_no),
    'notes', CASE v_replay.status WHEN 'failed_again' THEN jsonb_build_array('It fails again and stays OPEN; the attempt is on record.') ELSE '[]' END,
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'letter_is_replayed', 'kind', 'dead_letters', 'ids', jsonb_build_array(v_letter.id), 'status', 'replayed'),
      jsonb_build_object('name', 'attempt_is_written', 'kind', 'attempt', 'event', v_letter.event_id, 'route', v_route, 'attempt_no', v_replay.attempt_no)),
    'irreversible', 'An attempt is history.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_replay_dead_letter(jsonb, jsonb) IS 'Attempts one dead letter once more; IU016 when that would do nothing';
REVOKE ALL ON FUNCTION iu_core.dot_iu_replay_dead_letter(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_replay, iu_core
CREATE FUNCTION iu_core.fn_dot_replayed(p_event_ids bigint[], p_route_ids integer[], p_meant integer)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_done record;
BEGIN
  WITH attempts AS MATERIALIZED (
    SELECT r.*, CASE WHEN r.attempt_no IS NULL THEN r.decision WHEN r.decision = 'failed' THEN 'failed_again' ELSE 'replayed' END AS outcome
    FROM fn_iu_replay(p_event_ids, p_route_ids) AS r
  ), pairs AS (
    -- The worst of what its routes say, where one goes to several.
    SELECT DISTINCT ON (event_id, route_id) * FROM attempts
    ORDER BY event_id, route_id, outcome = 'failed_again' DESC, outcome = 'replayed' DESC, to_route_id
  )
  SELECT (SELECT count(*) FROM attempts WHERE attempt_no IS NOT NULL) AS attempts,
         (SELECT jsonb_object_agg(outcome, n) FROM (SELECT outcome, count(*) AS n FROM pairs GROUP BY outcome) AS c) AS results,
         (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('dead_letter', p.dead_letter_id, 'event', p.event_id, 'event_type', e.event_type, 'subject', e.event_subject_ref, 'becomes', p.outcome, 'because', left(p.failure_detail, 200))) ORDER BY p.event_id, p.route_id)
          FROM (SELECT * FROM pairs ORDER BY event_id, route_id LIMIT 5) AS p JOIN event_outbox AS e ON e.id = p.event_id) AS sample
  INTO v_done;
  IF v_done.attempts = 0 THEN
    RAISE EXCEPTION 'nothing would be attempted: %',
        coalesce((SELECT string_agg(value || ' ' || replace(key, '_', ' '), ', ' ORDER BY key) FROM jsonb_each_text(v_done.results)), 'all of them are resolved already')
      USING ERRCODE = 'IU016', HINT = 'Enable the route, or register one for the type; then plan again.';
  END IF;
  RETURN jsonb_build_object('attempts', v_done.attempts, 'sample', v_done.sample, 'results',
    v_done.results || CASE WHEN p_meant > cardinality(p_event_ids) THEN jsonb_build_object('already_resolved', p_meant - cardinality(p_event_ids) + coalesce((v_done.results ->> 'already_resolved')::integer, 0)) ELSE '{}' END);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_replayed(bigint[], integer[], integer) IS 'Attempts pairs once more and tells it as a handler''s result: attempts, results by outcome, and a sample; IU016 when nothing was attempted';
REVOKE ALL ON FUNCTION iu_core.fn_dot_replayed(bigint[], integer[], integer) FROM PUBLIC;

-- requires: fn_dot_letter_object, fn_dot_letters, fn_dot_replayed, fn_iu_replay, iu_core
-- The plan freezes the ids: what fails after it is not touched, what was resolved meanwhile says so.
CREATE OR REPLACE FUNCTION iu_core.dot_iu_replay_dead_letters(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids bigint[];
  v_letters iu_route_dead_letter[];
  v_result jsonb;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_ids := fn_dot_letters(p_params, p_context, 1000, true);
  PERFORM FROM iu_route_dead_letter WHERE id = ANY (v_ids) ORDER BY id FOR UPDATE;
  v_letters := ARRAY(SELECT d FROM iu_route_dead_letter AS d WHERE d.id = ANY (v_ids) AND d.status = 'open' ORDER BY d.id);
  v_result := fn_dot_replayed(ARRAY(SELECT (l).event_id FROM unnest(v_letters) AS l ORDER BY (l).id),
                              ARRAY(SELECT (l).route_id FROM unnest(v_letters) AS l ORDER BY (l).id), cardinality(v_ids));
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT coalesce(jsonb_agg(fn_dot_letter_object(l) ORDER BY (l).id), '[]') FROM unnest(v_letters) AS l),
    'result', jsonb_build_object('letters', cardinality(v_ids)) || v_result,
    'checks', jsonb_build_array(jsonb_build_object('name', 'letters_are_replayed', 'kind', 'dead_letters', 'ids', to_jsonb(v_ids), 'status', 'replayed')),
    'irreversible', 'Attempts are history.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_replay_dead_letters(jsonb, jsonb) IS 'Attempts the dead letters that a plan froze, each once more; IU016 when that would do nothing';
REVOKE ALL ON FUNCTION iu_core.dot_iu_replay_dead_letters(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_frozen, fn_dot_instant, fn_dot_thawed, iu_core, iu_route_attempt, iu_outbound_route
CREATE FUNCTION iu_core.fn_dot_skipped(p_params jsonb, p_context jsonb, p_most integer)
RETURNS bigint[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_from constant timestamptz := fn_dot_instant(p_params, 'from');
  v_to constant timestamptz := fn_dot_instant(p_params, 'to');
  v_route iu_outbound_route;
  v_ids bigint[];
BEGIN
  SELECT * INTO v_route FROM iu_outbound_route WHERE route_code = p_params ->> 'route';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'route: there is no %', coalesce(p_params ->> 'route', 'route given') USING ERRCODE = 'IU003', COLUMN = 'route', HINT = 'Say which route skipped them.';
  ELSIF NOT v_route.enabled THEN
    RAISE EXCEPTION 'route: % is disabled, and would skip them again', v_route.route_code USING ERRCODE = 'IU016', COLUMN = 'route', HINT = 'Enable the route first.';
  ELSIF p_context ? 'frozen' THEN
    RETURN fn_dot_thawed(p_context -> 'frozen');
  END IF;
  SELECT array_agg(event_id ORDER BY event_id) INTO v_ids
  FROM (
    SELECT a.event_id FROM iu_route_attempt AS a
    WHERE a.failure_code = 'route_disabled' AND a.route_id = v_route.id
      AND NOT EXISTS (SELECT FROM iu_route_attempt AS n WHERE n.event_id = a.event_id AND n.route_id = a.route_id AND n.attempt_no > a.attempt_no)
      AND (v_from IS NULL OR a.created_at >= v_from)
      AND (v_to IS NULL OR a.created_at < v_to)
      AND (NOT p_params ? 'through' OR a.event_id <= (p_params ->> 'through')::bigint)
    ORDER BY a.event_id LIMIT least(p_most, (p_params ->> 'limit')::integer)
  ) AS chosen;
  IF v_ids IS NULL THEN
    RAISE EXCEPTION 'route % has skipped no event that was not attempted since', v_route.route_code USING ERRCODE = 'IU016';
  END IF;
  RETURN v_ids;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_skipped(jsonb, jsonb, integer) IS 'The events that a route skipped while it was disabled and has not attempted since; IU016 when there is none, or it is disabled still; IU003 unknown route';
REVOKE ALL ON FUNCTION iu_core.fn_dot_skipped(jsonb, jsonb, integer) FROM PUBLIC;

-- requires: fn_dot_frozen, fn_dot_skipped, fn_dot_replayed, iu_core
CREATE FUNCTION iu_core.dot_iu_replay_skipped(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_ids constant bigint[] := fn_dot_skipped(p_params, p_context, 10000);
  v_route constant integer := (SELECT id FROM iu_outbound_route WHERE route_code = p_params ->> 'route');
  v_result jsonb;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_result := fn_dot_replayed(v_ids, array_fill(v_route, ARRAY[cardinality(v_ids)]), cardinality(v_ids));
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || a.event_id, 'change', 'update', 'before', jsonb_build_object('attempt', a.attempt_no - 1, 'outcome', 'skipped'),
                                                    'after', jsonb_build_object('attempt', a.attempt_no, 'outcome', a.status)) ORDER BY a.event_id)
                FROM unnest(v_ids) AS i
                CROSS JOIN LATERAL (SELECT l.* FROM iu_route_attempt AS l WHERE l.event_id = i AND l.route_id = v_route ORDER BY l.attempt_no DESC LIMIT 1) AS a),
    'result', jsonb_build_object('events', cardinality(v_ids)) || v_result,
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_attempted', 'kind', 'skipped', 'route', p_params ->> 'route', 'ids', to_jsonb(v_ids))),
    'irreversible', 'Attempts are history.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_replay_skipped(jsonb, jsonb) IS 'Attempts what a route skipped while it was disabled; the plan freezes the events';
REVOKE ALL ON FUNCTION iu_core.dot_iu_replay_skipped(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_core, iu_replay_job
CREATE FUNCTION iu_core.fn_dot_replay_switched(p_job_id bigint, p_is_running boolean)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_status constant text := CASE WHEN p_is_running THEN 'running' ELSE 'stopped' END;
  v_job iu_replay_job;
BEGIN
  -- It waits for the batch under way, and no longer.
  SELECT * INTO v_job FROM iu_replay_job WHERE id = p_job_id FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'replay: there is no %', p_job_id USING ERRCODE = 'IU003', COLUMN = 'replay';
  ELSIF v_job.status IN ('done', v_status) THEN
    RAISE EXCEPTION 'replay: % is % already', p_job_id, v_job.status USING ERRCODE = 'IU016', COLUMN = 'replay';
  END IF;
  UPDATE iu_replay_job
  SET status = v_status, next_at = clock_timestamp(), stopped_at = CASE WHEN NOT p_is_running THEN clock_timestamp() END, stopped_by = CASE WHEN NOT p_is_running THEN fn_iu_actor() END
  WHERE id = p_job_id;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_job.status),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'replay:' || p_job_id, 'change', 'update', 'before', jsonb_build_object('status', v_job.status), 'after', jsonb_build_object('status', v_status))),
    'result', jsonb_build_object('replay', p_job_id, 'done', v_job.done, 'left', v_job.total - v_job.done),
    'checks', jsonb_build_array(jsonb_build_object('name', CASE WHEN p_is_running THEN 'replay_goes_on' ELSE 'replay_is_stopped' END, 'kind', 'replay', 'replay', p_job_id, 'stopped', NOT p_is_running)),
    'inverse', jsonb_build_object('command', CASE WHEN p_is_running THEN 'dot_iu_stop_replay' ELSE 'dot_iu_resume_replay' END, 'params', jsonb_build_object('replay', p_job_id)));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_replay_switched(bigint, boolean) IS 'Stops a background replay or lets it go on, and returns what the handlers return; IU003 unknown, IU016 it is so already, or done';
REVOKE ALL ON FUNCTION iu_core.fn_dot_replay_switched(bigint, boolean) FROM PUBLIC;

-- requires: fn_dot_replay_switched, iu_core
CREATE FUNCTION iu_core.dot_iu_resume_replay(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT fn_dot_replay_switched((p_params ->> 'replay')::bigint, true) $$;
COMMENT ON FUNCTION iu_core.dot_iu_resume_replay(jsonb, jsonb) IS 'Lets a stopped background replay go on where it was';
REVOKE ALL ON FUNCTION iu_core.dot_iu_resume_replay(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_letters, fn_dot_skipped, fn_dot_frozen, iu_core, iu_replay_batch, v_iu_route_decision
-- Only starts it: fn_iu_replay_step does it. The plan freezes the ids, and tells what each would become just now.
CREATE FUNCTION iu_core.dot_iu_start_replay(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_what constant text := coalesce(p_params ->> 'what', 'dead_letters');
  v_ids bigint[];
  v_id bigint;
  v_total integer;
  v_result jsonb := '{}';
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  IF v_what = 'skipped' AND (p_params ? 'cause' OR p_params ? 'failure_code' OR p_params ? 'event_type') THEN
    RAISE EXCEPTION 'what: skipped events are chosen by route and time' USING ERRCODE = 'IU002', COLUMN = 'what', HINT = 'Leave out cause, failure_code and event_type.';
  END IF;
  v_ids := CASE v_what WHEN 'skipped' THEN fn_dot_skipped(p_params, p_context, 500000) ELSE fn_dot_letters(p_params, p_context, 500000, true) END;
  -- The plan's number is the apply's, unless another was started between them.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_replay_job'));
  SELECT coalesce(max(id), 0) + 1 INTO v_id FROM iu_replay_job;
  SELECT CASE v_what WHEN 'skipped' THEN cardinality(v_ids) ELSE (SELECT count(*) FROM iu_route_dead_letter WHERE id = ANY (v_ids) AND status = 'open') END INTO v_total;
  IF v_total = 0 THEN
    RAISE EXCEPTION 'all of them are resolved already' USING ERRCODE = 'IU016';
  END IF;
  INSERT INTO iu_replay_job (id, what, filter, total, per_second, started_by)
  VALUES (v_id, v_what, p_params - 'what' - 'per_second', v_total, (p_params ->> 'per_second')::integer, fn_iu_actor());
  INSERT INTO iu_replay_batch (job_id, batch_no, event_ids, route_ids)
  SELECT v_id, (n - 1) / 1000, array_agg(event_id ORDER BY n), array_agg(route_id ORDER BY n)
  FROM (SELECT p.event_id, p.route_id, row_number() OVER (ORDER BY p.id) AS n
        FROM (SELECT d.id, d.event_id, d.route_id FROM iu_route_dead_letter AS d WHERE v_what = 'dead_letters' AND d.id = ANY (v_ids) AND d.status = 'open'
              UNION ALL
              SELECT i, i, r.id FROM unnest(v_ids) AS i CROSS JOIN iu_outbound_route AS r WHERE v_what = 'skipped' AND r.route_code = p_params ->> 'route') AS p) AS numbered
  GROUP BY (n - 1) / 1000;
  IF NOT p_context ? 'frozen' THEN
    WITH pairs AS MATERIALIZED (
      SELECT p.event_id, p.route_id FROM iu_replay_batch AS b CROSS JOIN LATERAL unnest(b.event_ids, b.route_ids) AS p(event_id, route_id) WHERE b.job_id = v_id
    ), decided AS MATERIALIZED (
      -- Without the words: to tell what is wrong costs more than to see that something is.
      SELECT DISTINCT ON (p.event_id, p.route_id) p.event_id, p.route_id, w.route_id AS to_route_id,
             CASE WHEN w.decision IS NULL THEN 'no_route' WHEN w.decision = 'failed' THEN 'failed_again' WHEN w.decision = 'skipped' THEN w.failure_code ELSE 'replayed' END AS becomes
      FROM pairs AS p LEFT JOIN v_iu_route_decision AS w ON w.event_id = p.event_id AND (w.route_id = p.route_id OR p.route_id = 0)
      ORDER BY p.event_id, p.route_id, w.decision = 'failed' DESC NULLS LAST
    )
    SELECT jsonb_build_object(
      'would_become', (SELECT jsonb_object_agg(becomes, n) FROM (SELECT becomes, count(*) AS n FROM decided GROUP BY becomes) AS c),
      'sample', (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('event', s.event_id, 'event_type', e.event_type, 'subject', e.event_subject_ref, 'becomes', s.becomes, 'because', left(w.failure_detail, 200))) ORDER BY s.event_id, s.route_id)
                 FROM (SELECT DISTINCT ON (n) * FROM (SELECT d.*, ntile(5) OVER (ORDER BY event_id, route_id) AS n FROM decided AS d) AS t ORDER BY n, event_id, route_id) AS s
                 JOIN event_outbox AS e ON e.id = s.event_id
                 LEFT JOIN v_iu_route_decision AS w ON w.event_id = s.event_id AND w.route_id = s.to_route_id))
    INTO v_result;
    IF v_result -> 'would_become' ?| ARRAY['replayed', 'failed_again'] IS NOT TRUE THEN
      RAISE EXCEPTION 'nothing would be attempted: no route takes them' USING ERRCODE = 'IU016', HINT = 'Register a route for the type, or discard the letters.';
    END IF;
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('replay', v_id),
    'frozen', fn_dot_frozen(v_ids),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'replay:' || v_id, 'change', 'create', 'after', jsonb_strip_nulls(jsonb_build_object('status', 'running', 'what', v_what, 'total', v_total, 'per_second', p_params -> 'per_second')))),
    'result', jsonb_build_object('replay', v_id, CASE v_what WHEN 'skipped' THEN 'events' ELSE 'letters' END, v_total) || v_result,
    'notes', CASE WHEN cardinality(v_ids) = 500000 THEN jsonb_build_array('At most 500,000 go into one replay: MORE may match.') ELSE '[]' END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'replay_has_its_set', 'kind', 'replay_set', 'replay', v_id, 'total', v_total)),
    'irreversible', 'Attempts are history. Stop it to keep it from making more.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_start_replay(jsonb, jsonb) IS 'Starts a replay in the background over the dead letters, or the skipped events, that the plan froze';
REVOKE ALL ON FUNCTION iu_core.dot_iu_start_replay(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_dot_replay_switched, iu_core
CREATE FUNCTION iu_core.dot_iu_stop_replay(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT fn_dot_replay_switched((p_params ->> 'replay')::bigint, false) $$;
COMMENT ON FUNCTION iu_core.dot_iu_stop_replay(jsonb, jsonb) IS 'Stops a background replay after the batch under way; what it has not attempted stays as it is';
REVOKE ALL ON FUNCTION iu_core.dot_iu_stop_replay(jsonb, jsonb) FROM PUBLIC;

-- requires: event_outbox, fn_iu_probe_left, information_unit, iu_account, iu_api_token, iu_collection, iu_collection_checkpoint, iu_collection_piece, iu_core, iu_held_decision, iu_outbound_route, iu_relation, iu_replay_batch, iu_replay_job, iu_route_attempt, iu_route_dead_letter, iu_route_worker_run, iu_unit_axis, unit_version
-- One place for every postcondition: a check is {name, kind, what it is about, what must hold}.
CREATE OR REPLACE FUNCTION iu_core.fn_dot_check(p_check jsonb)
RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  c constant jsonb := p_check;
  v_have jsonb;
  v_want jsonb;
BEGIN
  CASE c ->> 'kind'
    WHEN 'unit' THEN
      v_want := jsonb_strip_nulls(jsonb_build_object('status', c -> 'status', 'version', c -> 'version', 'sha256', c -> 'sha256'));
      SELECT jsonb_build_object('status', u.lifecycle_status, 'version', v.version_seq, 'sha256', encode(sha256(convert_to(v.body, 'UTF8')), 'hex')) INTO v_have
      FROM information_unit AS u JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq WHERE u.canonical_address = c ->> 'unit';
    WHEN 'unit_unused' THEN
      v_want := '{"standing_in": 0}';
      SELECT jsonb_build_object('standing_in', count(p.unit_id)) INTO v_have FROM information_unit AS u LEFT JOIN iu_collection_piece AS p ON p.unit_id = u.id WHERE u.canonical_address = c ->> 'unit';
    WHEN 'piece', 'piece_absent' THEN
      v_want := CASE c ->> 'kind' WHEN 'piece' THEN jsonb_build_object('at', c -> 'at') ELSE '{"at": null}' END;
      SELECT jsonb_build_object('at', (SELECT p.position::text FROM iu_collection_piece AS p WHERE p.collection_id = k.id AND p.unit_id = u.id)) INTO v_have
      FROM iu_collection AS k, information_unit AS u WHERE k.canonical_address = c ->> 'collection' AND u.canonical_address = c ->> 'unit';
    WHEN 'relation' THEN
      v_want := '{"related": true}';
      SELECT jsonb_build_object('related', count(*) = 1) INTO v_have
      FROM iu_relation AS r JOIN information_unit AS f ON f.id = r.from_unit_id JOIN information_unit AS t ON t.id = r.to_unit_id
      WHERE (f.canonical_address, r.relation_kind, t.canonical_address) = (c ->> 'from', c ->> 'relation', c ->> 'to');
    WHEN 'collection' THEN
      v_want := jsonb_build_object('pieces', c -> 'pieces', 'bytes', c -> 'bytes');
      SELECT jsonb_build_object('pieces', h.pieces, 'bytes', h.bytes) INTO v_have FROM v_iu_collection_health AS h WHERE h.canonical_address = c ->> 'collection';
    WHEN 'rendered' THEN
      v_want := jsonb_build_object('revision', c -> 'revision', 'kept', c -> 'sha256', 'rendered', c -> 'sha256');
      SELECT jsonb_build_object('revision', k.render_revision, 'kept', encode(k.render_digest, 'hex'),
        'rendered', CASE WHEN k.revision = (c ->> 'revision')::bigint THEN encode(sha256(convert_to(fn_iu_collection_render(k.id), 'UTF8')), 'hex') END) INTO v_have
      FROM iu_collection AS k WHERE k.canonical_address = c ->> 'collection';
    WHEN 'findings' THEN
      v_want := jsonb_build_object('revision', c -> 'revision', 'count', c -> 'count');
      SELECT jsonb_build_object('revision', k.revision, 'count', (SELECT count(*) FROM fn_iu_collection_findings(k.id))) INTO v_have FROM iu_collection AS k WHERE k.canonical_address = c ->> 'collection';
    WHEN 'checkpoint' THEN
      v_want := jsonb_build_object('manifest', c -> 'sha256', 'pieces_are_kept', true);
      SELECT jsonb_build_object('manifest', encode(sha256(convert_to(k.manifest_text, 'UTF8')), 'hex'),
        'pieces_are_kept', k.piece_count = (SELECT count(*) FROM iu_collection_checkpoint_piece AS p WHERE (p.collection_id, p.checkpoint_no) = (k.collection_id, k.checkpoint_no))) INTO v_have
      FROM iu_collection_checkpoint AS k JOIN iu_collection AS o ON o.id = k.collection_id WHERE o.canonical_address = c ->> 'collection' AND k.checkpoint_no = (c ->> 'checkpoint')::integer;
    WHEN 'axes' THEN
      v_want := '{"differing": 0}';
      SELECT jsonb_build_object('differing', count(*)) INTO v_have
      FROM (SELECT array_agg(u.id) AS ids FROM information_unit AS u
            WHERE u.canonical_address = c ->> 'piece' OR u.id IN (SELECT p.unit_id FROM iu_collection_piece AS p JOIN iu_collection AS k ON k.id = p.collection_id WHERE k.canonical_address = c ->> 'collection')) AS asked
      CROSS JOIN LATERAL (
        SELECT FROM fn_iu_axes_derive(asked.ids) AS d FULL JOIN (SELECT * FROM iu_unit_axis WHERE unit_id = ANY (asked.ids)) AS a ON (a.unit_id, a.axis) = (d.unit_id, d.axis)
        WHERE a.value IS DISTINCT FROM d.value) AS differing;
    WHEN 'gate' THEN
      v_want := jsonb_build_object('state', c -> 'state');
      v_have := jsonb_build_object('state', fn_iu_gate_state(c ->> 'gate'));
    WHEN 'route' THEN
      v_want := jsonb_build_object('enabled', c -> 'enabled');
      SELECT jsonb_build_object('enabled', enabled) INTO v_have FROM iu_outbound_route WHERE route_code = c ->> 'route';
    WHEN 'triggers' THEN
      v_want := jsonb_build_object('enabled', c -> 'enabled', 'triggers', 3);
      SELECT jsonb_build_object('enabled', (c -> 'enabled')::boolean AND bool_and(enabled) OR NOT (c -> 'enabled')::boolean AND bool_or(enabled), 'triggers', count(*)) INTO v_have FROM v_iu_emitting_trigger;
    WHEN 'dead_letter' THEN
      v_want := jsonb_build_object('status', c -> 'status');
      SELECT jsonb_build_object('status', status) INTO v_have FROM iu_route_dead_letter WHERE id = (c ->> 'dead_letter')::bigint;
    WHEN 'dead_letters' THEN
      v_want := jsonb_build_object('others', 0);
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE status <> c ->> 'status' AND NOT (status = 'rerouted' AND c ->> 'status' = 'replayed'))) INTO v_have FROM iu_route_dead_letter WHERE id IN (SELECT jsonb_array_elements_text(c -> 'ids')::bigint);
    WHEN 'skipped' THEN
      v_want := '{"not_attempted": 0}';
      SELECT jsonb_build_object('not_attempted', count(*)) INTO v_have
      FROM jsonb_array_elements_text(c -> 'ids') AS i CROSS JOIN iu_outbound_route AS r
      CROSS JOIN LATERAL (SELECT a.failure_code FROM iu_route_attempt AS a WHERE a.event_id = i::bigint AND a.route_id = r.id ORDER BY a.attempt_no DESC LIMIT 1) AS latest
      WHERE r.route_code = c ->> 'route' AND latest.failure_code = 'route_disabled';
    WHEN 'replay' THEN
      v_want := jsonb_build_object('stopped', c -> 'stopped');
      SELECT jsonb_build_object('stopped', status = 'stopped') INTO v_have FROM iu_replay_job WHERE id = (c ->> 'replay')::bigint;
    WHEN 'replay_set' THEN
      v_want := jsonb_build_object('total', c -> 'total', 'frozen', c -> 'total');
      SELECT jsonb_build_object('total', j.total, 'frozen', (SELECT sum(cardinality(b.event_ids)) FROM iu_replay_batch AS b WHERE b.job_id = j.id)) INTO v_have FROM iu_replay_job AS j WHERE j.id = (c ->> 'replay')::bigint;
    WHEN 'event' THEN
      v_want := jsonb_build_object('type', c -> 'type', 'sha256', c -> 'sha256');
      SELECT jsonb_build_object('type', event_type, 'sha256', encode(sha256(convert_to(payload::text, 'UTF8')), 'hex')) INTO v_have FROM event_outbox WHERE id = (c ->> 'event')::bigint;
    WHEN 'attempt' THEN
      v_want := '{"attempts": 1}';
      SELECT jsonb_build_object('attempts', CASE WHEN fn_iu_event_archived((c ->> 'event')::bigint) THEN 1 ELSE count(*) END) INTO v_have FROM iu_route_attempt WHERE (event_id, route_id, attempt_no) = ((c ->> 'event')::bigint, (c ->> 'route')::integer, (c ->> 'attempt_no')::integer);
    WHEN 'worker_runs' THEN
      v_want := '{"on_record": true}';
      SELECT jsonb_build_object('on_record', count(*) >= (c ->> 'passes')::integer AND coalesce(sum(seen), 0) >= (c ->> 'seen')::integer) INTO v_have FROM iu_route_worker_run WHERE worker_code = c ->> 'worker' AND id > (c ->> 'after')::bigint;
    WHEN 'probe' THEN
      -- Of the run itself: it was taken back, and is nowhere to be found but here.
      v_want := CASE WHEN c ? 'actual' THEN c -> 'expected' ELSE '{"status": "passed"}' END;
      v_have := coalesce(c -> 'actual', jsonb_build_object('status', concat_ws(': ', c ->> 'status', c ->> 'detail')));
    WHEN 'probe_left' THEN
      v_want := '{"rows": 0}';
      SELECT jsonb_build_object('rows', sum(left_rows)) INTO v_have FROM fn_iu_probe_left(c -> 'drawn');
    WHEN 'cursor' THEN
      v_want := jsonb_build_object('bucket_from', c -> 'bucket_from', 'bucket_to', c -> 'bucket_to');
      v_have := coalesce(fn_dot_cursor_object(c ->> 'worker'), '{"bucket_from": null, "bucket_to": null}');
    WHEN 'schedule' THEN
      v_want := jsonb_strip_nulls(jsonb_build_object('enabled', c -> 'enabled', 'poll_ms', c -> 'poll_ms', 'batch_size', c -> 'batch_size'));
      SELECT jsonb_build_object('enabled', enabled, 'poll_ms', poll_ms, 'batch_size', batch_size) INTO v_have FROM v_iu_worker_schedule;
    WHEN 'held' THEN
      v_want := '{"others": 0}';
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE NOT CASE c ->> 'account'
               WHEN 'released' THEN EXISTS (SELECT FROM event_outbox AS n WHERE n.released_from = i.id)
               ELSE EXISTS (SELECT FROM iu_held_decision AS h WHERE h.event_id = i.id) END)) INTO v_have
      FROM (SELECT jsonb_array_elements_text(c -> 'ids')::bigint AS id) AS i;
    WHEN 'archive' THEN
      v_want := jsonb_strip_nulls(jsonb_build_object('sha256', c -> 'sha256', 'removed', c -> 'removed', 'in_outbox', c -> 'in_outbox'));
      SELECT jsonb_build_object('sha256', a.content_digest, 'removed', a.is_removed,
        'in_outbox', (SELECT count(*) FROM event_outbox WHERE id BETWEEN a.first_id AND a.last_id) >= a.events) INTO v_have
      FROM v_iu_archive AS a WHERE a.archive_id = (c ->> 'archive')::bigint;
    WHEN 'event_type' THEN
      v_want := '{"registered": true}';
      v_have := jsonb_build_object('registered', EXISTS (SELECT FROM iu_event_type WHERE event_type = c ->> 'event_type'));
    WHEN 'account' THEN
      v_want := jsonb_build_object('status', c -> 'status', 'right', c -> 'right');
      SELECT jsonb_build_object('status', status, 'right', account_right) INTO v_have FROM iu_account WHERE account = c ->> 'account';
    WHEN 'token' THEN
      v_want := jsonb_build_object('live', c -> 'live');
      SELECT jsonb_build_object('live', revoked_at IS NULL AND expires_at > clock_timestamp()) INTO v_have FROM iu_api_token WHERE id = (c ->> 'token')::bigint;
  END CASE;
  RETURN (SELECT string_agg(format('%s: want %s, have %s', key, value, coalesce((v_have -> key)::text, 'nothing')), '; ') FROM jsonb_each(v_want) WHERE v_have -> key IS DISTINCT FROM value);
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_check(jsonb) IS 'What is wrong with a postcondition at present, in words; null when it holds';
REVOKE ALL ON FUNCTION iu_core.fn_dot_check(jsonb) FROM PUBLIC;

-- requires: fn_iu_replay, iu_replay_batch, dot_iu_acting
-- All that a background replay is lies in rows, and a step is one transaction: attempts, letters and progress commit
-- together, so that whoever is killed between two steps, or in one, has lost nothing and doubled nothing. The row of
-- the job is the claim: two processes never work on one job, and a Stop waits for the step under way.
CREATE FUNCTION iu_core.fn_iu_replay_step(p_limit integer DEFAULT 1000)
RETURNS TABLE (status text, job_id bigint, attempted integer, wait_ms integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_job iu_replay_job;
  v_batch iu_replay_batch;
  v_from integer;
  v_size integer;
  v_replayed integer;
  v_failed integer;
BEGIN
  attempted := 0;
  IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'limit: % is not between 1 and 1000', coalesce(p_limit::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'limit';
  ELSIF NOT EXISTS (SELECT FROM iu_replay_job AS j WHERE j.status = 'running') THEN
    status := 'idle'; RETURN NEXT; RETURN;
  ELSIF NOT (fn_iu_gate_is_open('iu_core.operator_runtime_enabled') AND fn_iu_gate_is_open('iu_core.route_worker_enabled') AND fn_iu_gate_is_open('iu_core.routes_master_enabled')) THEN
    status := 'gate_closed'; RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO v_job FROM iu_replay_job AS j WHERE j.status = 'running' AND j.next_at <= clock_timestamp() ORDER BY j.next_at LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    -- Each of them is another process's just now, or has done what it may for the moment.
    status := 'waiting';
    SELECT greatest(1, ceil(extract(epoch FROM min(j.next_at) - clock_timestamp()) * 1000))::integer INTO wait_ms FROM iu_replay_job AS j WHERE j.status = 'running';
    RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO STRICT v_batch FROM iu_replay_batch AS b WHERE b.job_id = v_job.id AND b.batch_no = v_job.done / 1000;
  v_from := v_job.done % 1000 + 1;
  v_size := least(p_limit, coalesce(v_job.per_second, p_limit), cardinality(v_batch.event_ids) - v_from + 1);

  INSERT INTO dot_iu_acting (xid, actor) VALUES (pg_current_xact_id(), v_job.started_by);
  SELECT count(*) FILTER (WHERE worst = 2), count(*) FILTER (WHERE worst = 1) INTO v_failed, v_replayed
  FROM (SELECT max(CASE WHEN r.decision = 'failed' THEN 2 WHEN r.attempt_no IS NOT NULL THEN 1 ELSE 0 END) AS worst
        FROM fn_iu_replay(v_batch.event_ids[v_from : v_from + v_size - 1], v_batch.route_ids[v_from : v_from + v_size - 1], v_job.id) AS r
        GROUP BY r.event_id, r.route_id) AS pairs;
  DELETE FROM dot_iu_acting WHERE xid = pg_current_xact_id();

  UPDATE iu_replay_job AS j
  SET done = j.done + v_size, replayed = j.replayed + v_replayed, failed_again = j.failed_again + v_failed, left_alone = j.left_alone + v_size - v_replayed - v_failed,
      status = CASE WHEN j.done + v_size = j.total THEN 'done' ELSE 'running' END,
      finished_at = CASE WHEN j.done + v_size = j.total THEN clock_timestamp() END,
      last_batch_at = clock_timestamp(),
      next_at = greatest(j.next_at, clock_timestamp() - interval '1 second') + coalesce(make_interval(secs => v_size::double precision / j.per_second), interval '0')
  WHERE j.id = v_job.id;
  status := 'stepped'; job_id := v_job.id; attempted := v_replayed + v_failed; wait_ms := 0;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_replay_step(integer) IS 'One batch of one background replay, in the caller''s transaction. status: stepped, waiting (come again in wait_ms: every job is being worked on, or may not go faster), idle (no job runs), gate_closed. IU002 bad limit';
REVOKE ALL ON FUNCTION iu_core.fn_iu_replay_step(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_replay_step(integer) TO iu_console, iu_worker;

-- requires: event_outbox
CREATE VIEW iu_core.v_iu_event_release AS
SELECT id AS event_id, released_from FROM iu_core.event_outbox WHERE released_from IS NOT NULL;
COMMENT ON VIEW iu_core.v_iu_event_release IS 'Which event is the release of which held one';
GRANT SELECT ON iu_core.v_iu_event_release TO iu_reader;

-- requires: iu_replay_job, v_iu_gate
CREATE VIEW iu_core.v_iu_replay_job AS
SELECT j.id AS job_id, j.what, j.filter, j.total, j.per_second, j.status, j.done, j.replayed, j.failed_again, j.left_alone,
       j.started_at, j.started_by, j.stopped_at, j.stopped_by, j.last_batch_at, j.finished_at,
       CASE WHEN j.status = 'running' THEN (
         SELECT g.gate FROM iu_core.v_iu_gate AS g
         WHERE g.gate IN ('iu_core.operator_runtime_enabled', 'iu_core.route_worker_enabled', 'iu_core.routes_master_enabled') AND NOT g.is_open ORDER BY g.gate LIMIT 1) END AS waits_for
FROM iu_core.iu_replay_job AS j;
COMMENT ON VIEW iu_core.v_iu_replay_job IS 'Every replay in the background with its progress, and the gate that it waits for';
GRANT SELECT ON iu_core.v_iu_replay_job TO iu_reader;

-- requires: iu_route_dead_letter, iu_outbound_route, iu_event_type
CREATE VIEW iu_core.v_iu_route_dead_letter AS
SELECT d.id AS dead_letter_id, d.event_id, d.route_id, coalesce(r.route_code, '(no route)') AS route_code, d.attempt_no, d.failure_code, d.failure_detail,
       d.event_domain, d.event_type, d.event_subject_table, d.event_subject_ref, d.payload, d.actor, d.event_created_at, d.created_at,
       d.status, d.resolved_at, d.resolved_by, d.resolved_attempt_no, d.corrected_by_event_id, d.replay_job_id, d.cause, r.enabled AS route_enabled,
       coalesce(t.is_system, false) AS is_system
FROM iu_core.iu_route_dead_letter AS d
LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = d.route_id
LEFT JOIN iu_core.iu_event_type AS t ON t.event_type = d.event_type;
COMMENT ON VIEW iu_core.v_iu_route_dead_letter IS 'Every dead letter, with what became of it';
GRANT SELECT ON iu_core.v_iu_route_dead_letter TO iu_reader;

-- requires: iu_route_dead_letter, iu_outbound_route, fn_iu_failure_kind
-- From one cause to the next in the index, never over all letters. Whoever has more causes than this has one fault
-- with many names, and looks at the list. BETWEEN, and the order by cause first, leave the planner no other index: it knows
-- nothing of how many letters a cause has, and would read all of them to find the few of a rare one.
CREATE VIEW iu_core.v_iu_route_dead_letter_cause AS
WITH RECURSIVE walk(cause, n) AS (
  (SELECT d.cause, 1 FROM iu_core.iu_route_dead_letter AS d WHERE d.status = 'open' ORDER BY d.cause LIMIT 1)
  UNION ALL
  SELECT (SELECT d.cause FROM iu_core.iu_route_dead_letter AS d WHERE d.status = 'open' AND d.cause > walk.cause ORDER BY d.cause LIMIT 1), walk.n + 1
  FROM walk WHERE walk.cause IS NOT NULL AND walk.n <= 100
)
SELECT walk.cause, last.failure_code, last.event_type, last.route_id, coalesce(r.route_code, '(no route)') AS route_code, r.enabled AS route_enabled,
       iu_core.fn_iu_failure_kind(last.failure_detail) AS failure_kind, last.failure_detail AS sample_detail, last.id AS sample_id, counted.n AS letters,
       first.created_at AS first_at, last.created_at AS last_at
FROM walk
CROSS JOIN LATERAL (SELECT d.* FROM iu_core.iu_route_dead_letter AS d WHERE d.status = 'open' AND d.cause BETWEEN walk.cause AND walk.cause ORDER BY d.cause DESC, d.id DESC LIMIT 1) AS last
CROSS JOIN LATERAL (SELECT d.created_at FROM iu_core.iu_route_dead_letter AS d WHERE d.status = 'open' AND d.cause BETWEEN walk.cause AND walk.cause ORDER BY d.cause, d.id LIMIT 1) AS first
CROSS JOIN LATERAL (SELECT count(*)::integer AS n FROM (SELECT FROM iu_core.iu_route_dead_letter AS d WHERE d.status = 'open' AND d.cause BETWEEN walk.cause AND walk.cause LIMIT 10001) AS bounded) AS counted
LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = last.route_id
WHERE walk.cause IS NOT NULL;
COMMENT ON VIEW iu_core.v_iu_route_dead_letter_cause IS 'Open dead letters by cause, 101 causes at most: how many (up to 10001), since when, and the newest as a sample';
GRANT SELECT ON iu_core.v_iu_route_dead_letter_cause TO iu_reader;

-- requires: iu_route_dead_letter, iu_outbound_route
CREATE OR REPLACE VIEW iu_core.v_iu_route_dead_letter_open AS
SELECT d.id AS dead_letter_id, d.event_id, d.route_id, coalesce(r.route_code, '(no route)') AS route_code, d.attempt_no, d.failure_code, d.failure_detail,
       d.event_domain, d.event_type, d.event_subject_table, d.event_subject_ref, d.payload, d.actor, d.event_created_at, d.created_at,
       d.cause, r.enabled AS route_enabled
FROM iu_core.iu_route_dead_letter AS d LEFT JOIN iu_core.iu_outbound_route AS r ON r.id = d.route_id
WHERE d.status = 'open';
COMMENT ON VIEW iu_core.v_iu_route_dead_letter_open IS 'The open dead letters, with the reason and the event as it was';
GRANT SELECT ON iu_core.v_iu_route_dead_letter_open TO iu_reader;
