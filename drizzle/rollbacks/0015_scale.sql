SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
SELECT iu_core.fn_iu_refuse_if_history('iu_archive', 'iu_archive_move');
DROP TRIGGER trg_iu_route_attempt_append_only ON iu_core.iu_route_attempt;
CREATE TRIGGER trg_iu_route_attempt_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.iu_route_attempt FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_route_attempt_append_only ON iu_route_attempt IS 'An attempt is history';
DROP TRIGGER trg_iu_held_decision_count ON iu_core.iu_held_decision;
DROP TRIGGER trg_iu_archive_move_append_only ON iu_core.iu_archive_move;
DROP TRIGGER trg_iu_archive_append_only ON iu_core.iu_archive;
DROP TRIGGER trg_event_outbox_append_only ON iu_core.event_outbox;
CREATE TRIGGER trg_event_outbox_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON iu_core.event_outbox FOR EACH STATEMENT EXECUTE FUNCTION fn_iu_append_only();
COMMENT ON TRIGGER trg_event_outbox_append_only ON event_outbox IS 'The outbox is append-only; a row''s lane never changes';
CREATE OR REPLACE VIEW iu_core.v_iu_collection_piece AS
 SELECT p.collection_id,
    c.canonical_address AS collection_address,
    p."position",
    u.id AS unit_id,
    u.canonical_address AS unit_address,
    u.unit_kind,
    u.lifecycle_status,
    u.title,
    COALESCE((t.section_level)::integer, 0) AS section_level,
        CASE
            WHEN (t.section_level > 0) THEN (t.section_level - 1)
            ELSE COALESCE((s.section_level)::integer, 0)
        END AS depth,
    v.version_seq,
    (p.pinned_version_seq IS NOT NULL) AS pinned,
    encode(v.content_digest, 'hex'::text) AS content_digest,
    v.byte_length,
        CASE
            WHEN (p.separator IS NOT NULL) THEN p.separator
            WHEN (EXISTS ( SELECT
               FROM iu_collection_piece n
              WHERE ((n.collection_id = p.collection_id) AND (n."position" > p."position")))) THEN c.joiner
            ELSE ''::text
        END AS separator,
    v.body,
    (( SELECT count(*) AS count
           FROM iu_collection_piece o
          WHERE (o.unit_id = p.unit_id)))::integer AS used_in
   FROM (((((iu_collection_piece p
     JOIN iu_collection c ON ((c.id = p.collection_id)))
     JOIN information_unit u ON ((u.id = p.unit_id)))
     JOIN unit_version v ON (((v.unit_id = u.id) AND (v.version_seq = COALESCE(p.pinned_version_seq, u.current_version_seq)))))
     LEFT JOIN iu_tree_path t ON ((t.unit_id = u.id)))
     LEFT JOIN iu_tree_path s ON ((s.unit_id = t.parent_unit_id)))
  WHERE (c.status = 'active'::text);
ALTER VIEW v_iu_collection_piece OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_piece IS 'The rows of a manifest; order by position within one collection. body || separator, in order, is the rendering';
GRANT SELECT ON v_iu_collection_piece TO iu_reader;
DROP VIEW iu_core.v_iu_accounting_recount;
DROP VIEW iu_core.v_iu_accounting;
DROP FUNCTION iu_core.fn_iu_route_attempt_find(text,text,text,boolean,bigint,integer,integer,integer);
DROP FUNCTION iu_core.fn_iu_route_attempt_count(text,text,text,integer);
DROP FUNCTION iu_core.fn_iu_held_decision_count();
DROP FUNCTION iu_core.fn_iu_event_audit(integer);
DROP FUNCTION iu_core.fn_iu_event_audit_restart();
DROP FUNCTION iu_core.fn_iu_event_archived(bigint);
DROP FUNCTION iu_core.fn_iu_event_account(integer);
DROP VIEW iu_core.v_iu_event_unaudited;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_cursor_reset(p_worker_code text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  -- Under the lock of a pass, or one under way would write its own position over this.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), lock_no) FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
  -- Without a system identifier the next pass opens a window over everything, as after a restore.
  UPDATE iu_route_worker_cursor SET system_identifier = NULL WHERE worker_code = p_worker_code;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', p_worker_code USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_cursor_reset(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_cursor_reset(text) IS 'Makes a worker read every event once more; what has been decided is not decided again. IU003 unknown worker';
DROP FUNCTION iu_core.fn_iu_archive_forecast(timestamp with time zone);
DROP FUNCTION iu_core.fn_iu_append_only_but_archived();
CREATE OR REPLACE FUNCTION iu_core.fn_dot_run_verify(p_run dot_iu_command_run, p_target dot_iu_command_run)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_results jsonb;
BEGIN
  SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', c ->> 'name', 'ok', d.detail IS NULL, 'detail', d.detail)) ORDER BY n), '[]') INTO v_results
  FROM jsonb_array_elements((p_target).receipt -> 'checks') WITH ORDINALITY AS x(c, n)
  CROSS JOIN LATERAL (SELECT fn_dot_check(c) AS detail OFFSET 0) AS d;
  IF (p_target).event_count > 0 THEN
    v_results := v_results || (
      SELECT jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('name', 'events_written', 'ok', count(*) = (p_target).event_count,
               'detail', CASE WHEN count(*) <> (p_target).event_count THEN format('want %s, have %s', (p_target).event_count, count(*)) END)))
      FROM event_outbox WHERE id BETWEEN (p_target).event_from AND (p_target).event_to AND xid = (p_target).xid);
  END IF;
  RETURN fn_dot_run_write(p_run, jsonb_build_object('results', v_results,
    'status', CASE WHEN EXISTS (SELECT FROM jsonb_array_elements(v_results) AS r WHERE NOT (r -> 'ok')::boolean) THEN 'unverified' ELSE 'verified' END));
END
$function$;
ALTER FUNCTION fn_dot_run_verify(dot_iu_command_run,dot_iu_command_run) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_run_verify(dot_iu_command_run,dot_iu_command_run) IS 'Checks a run''s named postconditions against the present state and writes the result: verified, or unverified with what differs';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_pending(p_limit integer)
 RETURNS TABLE(worker_code text, event_id bigint, event_domain text, event_type text, created_at timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH s AS (SELECT fn_iu_system_identifier() AS system_identifier)
  SELECT c.worker_code, p.event_id, p.event_domain, p.event_type, p.created_at
  FROM iu_route_worker_cursor AS c
  CROSS JOIN s
  CROSS JOIN LATERAL (
    -- Up to here only transactions that a stored snapshot lists as running can have left anything.
    -- A cursor that is not of this cluster has passed nothing: its floor does not count.
    SELECT CASE WHEN c.system_identifier IS DISTINCT FROM s.system_identifier OR pg_snapshot_xmin(c.snap_from) > pg_snapshot_xmax(pg_current_snapshot()) THEN 0
                WHEN c.snap_to IS NULL THEN c.floor_id
                ELSE greatest(c.floor_id, least(c.last_id, c.floor_to_id)) END AS floor_id
  ) AS f
  CROSS JOIN LATERAL (
    SELECT e.event_id, e.event_domain, e.event_type, e.created_at FROM v_iu_event_claim AS e
    WHERE e.worker_code = c.worker_code AND e.event_id > f.floor_id AND NOT e.is_passed
      AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.event_id)
    UNION ALL
    SELECT e.event_id, e.event_domain, e.event_type, e.created_at
    FROM (SELECT pg_snapshot_xip(c.snap_from) UNION SELECT pg_snapshot_xip(c.snap_to)) AS running(x)
    JOIN v_iu_event_claim AS e ON e.worker_code = c.worker_code AND e.xid = x
    WHERE e.event_id <= f.floor_id AND NOT e.is_passed
      AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.event_id)
    LIMIT p_limit
  ) AS p
$function$;
ALTER FUNCTION fn_iu_event_pending(integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_pending(integer) IS 'Up to p_limit events per worker that it has yet to route';
GRANT EXECUTE ON FUNCTION fn_iu_event_pending(integer) TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_dot_check(p_check jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE status <> c ->> 'status')) INTO v_have FROM iu_route_dead_letter WHERE id IN (SELECT jsonb_array_elements_text(c -> 'ids')::bigint);
    WHEN 'attempt' THEN
      v_want := '{"attempts": 1}';
      SELECT jsonb_build_object('attempts', count(*)) INTO v_have FROM iu_route_attempt WHERE (event_id, route_id, attempt_no) = ((c ->> 'event')::bigint, (c ->> 'route')::integer, (c ->> 'attempt_no')::integer);
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
    WHEN 'held' THEN
      v_want := '{"others": 0}';
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE NOT CASE c ->> 'account'
               WHEN 'released' THEN EXISTS (SELECT FROM event_outbox AS n WHERE n.released_from = i.id)
               ELSE EXISTS (SELECT FROM iu_held_decision AS h WHERE h.event_id = i.id) END)) INTO v_have
      FROM (SELECT jsonb_array_elements_text(c -> 'ids')::bigint AS id) AS i;
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
$function$;
ALTER FUNCTION fn_dot_check(jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_check(jsonb) IS 'What is wrong with a postcondition at present, in words; null when it holds';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_attempt_one(p_worker_code text, p_event_id bigint, p_route_id integer, p_attempt_no integer)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_decision v_iu_route_decision;
  v_at timestamptz;
BEGIN
  SELECT * INTO v_decision FROM v_iu_route_decision WHERE event_id = p_event_id AND route_id = p_route_id;
  IF NOT FOUND THEN
    -- The event found routes of its own since it was set aside as wanted by none.
    v_decision := ROW(p_event_id, p_route_id, NULL, NULL, 'no_route', 'skipped', NULL);
  ELSIF v_decision.decision = 'live' THEN
    BEGIN
      PERFORM fn_iu_route_deliver(p_event_id, p_route_id);
      v_decision.decision := 'sent';
    EXCEPTION
      WHEN serialization_failure OR deadlock_detected THEN
        RAISE;                                      -- the pass as a whole is retried, nothing failed
      WHEN OTHERS THEN
        v_decision.decision := 'failed';
        v_decision.failure_code := 'worker_process_error';
        v_decision.failure_detail := format('%s (%s)', SQLERRM, SQLSTATE);
    END;
  END IF;
  v_at := clock_timestamp();
  INSERT INTO iu_route_attempt (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
  VALUES (p_event_id, p_route_id, p_attempt_no, v_decision.decision, v_decision.failure_code, v_decision.failure_detail,
          v_decision.target_kind, v_decision.target_ref, p_worker_code, v_at)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  PERFORM fn_iu_route_rollup_add(p_worker_code, v_at, ARRAY[p_route_id], ARRAY[v_decision.decision], ARRAY[1]);
  IF v_decision.decision = 'failed' THEN
    INSERT INTO iu_route_dead_letter AS d (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                           event_subject_table, event_subject_ref, payload, actor, event_created_at)
    SELECT e.id, p_route_id, p_attempt_no, v_decision.failure_code, v_decision.failure_detail, e.event_domain, e.event_type,
           e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at
    FROM event_outbox AS e WHERE e.id = p_event_id
    ON CONFLICT (event_id, route_id) WHERE status = 'open'
    DO UPDATE SET attempt_no = excluded.attempt_no, failure_code = excluded.failure_code, failure_detail = excluded.failure_detail;
  END IF;
  RETURN v_decision.decision;
END
$function$;
ALTER FUNCTION fn_iu_route_attempt_one(text,bigint,integer,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_attempt_one(text,bigint,integer,integer) IS 'Decides, attempts and writes down one event on one route; a failure is dead-lettered. Returns the status, or null when that attempt was already there';
DROP FUNCTION iu_core.dot_iu_restore_archived_events(jsonb,jsonb);
DROP FUNCTION iu_core.dot_iu_remove_archived_events(jsonb,jsonb);
DROP VIEW iu_core.v_iu_archive;
DROP FUNCTION iu_core.fn_iu_attempt_block_count(bigint[],integer);
DROP FUNCTION iu_core.dot_iu_record_archive(jsonb,jsonb);
DROP FUNCTION iu_core.fn_iu_archive_content(timestamp with time zone,bigint,bigint,integer,bigint);
DROP VIEW iu_core.v_iu_event_archivable;
DROP VIEW iu_core.v_iu_event_claim;
CREATE VIEW iu_core.v_iu_event_claim AS
 SELECT e.id AS event_id,
    e.xid,
    e.event_domain,
    e.event_type,
    e.created_at,
    c.worker_code,
        CASE
            WHEN (NOT s.is_known) THEN false
            WHEN pg_visible_in_snapshot(e.xid, c.snap_from) THEN true
            WHEN ((e.xid >= pg_snapshot_xmax(c.snap_from)) AND (e.id <= c.floor_id)) THEN true
            WHEN ((e.xid = c.own_xid) AND (e.id <= c.own_last_id)) THEN true
            WHEN ((c.snap_to IS NULL) OR (e.id > c.last_id)) THEN false
            WHEN (e.id <= c.trusted_id) THEN (NOT (e.xid IN ( SELECT pg_snapshot_xip(c.snap_to) AS pg_snapshot_xip)))
            ELSE pg_visible_in_snapshot(e.xid, c.snap_to)
        END AS is_passed
   FROM ((iu_route_worker_cursor c
     CROSS JOIN LATERAL ( SELECT ((NOT (c.system_identifier IS DISTINCT FROM fn_iu_system_identifier())) AND (pg_snapshot_xmin(c.snap_from) <= pg_snapshot_xmax(pg_current_snapshot()))) AS is_known
         OFFSET 0) s)
     JOIN event_outbox e ON (e.bucket BETWEEN c.bucket_from AND c.bucket_to AND e.delivery_lane <> 'held'));
ALTER VIEW v_iu_event_claim OWNER TO iu_owner;
COMMENT ON VIEW v_iu_event_claim IS 'For every event that is not held: the worker whose it is, and whether that worker claims to be done with it. Accounting holds the claim against the attempts';
CREATE VIEW iu_core.v_iu_accounting AS
 SELECT count(*) AS events,
    count(*) FILTER (WHERE (account = 'attempted'::text)) AS attempted,
    count(*) FILTER (WHERE (account = 'held'::text)) AS held,
    count(*) FILTER (WHERE (account = 'released'::text)) AS released,
    count(*) FILTER (WHERE (account = 'discarded'::text)) AS discarded,
    count(*) FILTER (WHERE (account = 'not_yet_routed'::text)) AS not_yet_routed,
    count(*) FILTER (WHERE (account = 'unexplained'::text)) AS unexplained
   FROM ( SELECT
                CASE
                    WHEN (e.delivery_lane = 'held'::text) THEN
                    CASE
                        WHEN (EXISTS ( SELECT
                           FROM event_outbox n
                          WHERE (n.released_from = e.id))) THEN 'released'::text
                        WHEN (EXISTS ( SELECT
                           FROM iu_held_decision h
                          WHERE (h.event_id = e.id))) THEN 'discarded'::text
                        ELSE 'held'::text
                    END
                    WHEN (a.event_id IS NOT NULL) THEN 'attempted'::text
                    WHEN (NOT c.is_passed) THEN 'not_yet_routed'::text
                    ELSE 'unexplained'::text
                END AS account
           FROM ((event_outbox e
             LEFT JOIN ( SELECT DISTINCT iu_route_attempt.event_id
                   FROM iu_route_attempt
                  WHERE (iu_route_attempt.attempt_no = 1)) a ON ((a.event_id = e.id)))
             LEFT JOIN v_iu_event_claim c ON (((c.event_id = e.id) AND (a.event_id IS NULL))))
         OFFSET 0) accounted;
ALTER VIEW v_iu_accounting OWNER TO iu_owner;
COMMENT ON VIEW v_iu_accounting IS 'The accounting identity: events = attempted + held + released + discarded + not_yet_routed, and unexplained is 0';
GRANT SELECT ON v_iu_accounting TO iu_reader;
DROP TABLE iu_core.iu_route_attempt_block;
DROP INDEX iu_core.iu_route_attempt_replay_idx;
DROP TABLE iu_core.iu_event_audit_open;
DROP TABLE iu_core.iu_event_audit_late;
DROP TABLE iu_core.iu_event_audit;
DROP TABLE iu_core.iu_archive_move;
DROP TABLE iu_core.iu_archive;
DROP INDEX iu_core.idx_event_outbox_held_xid;
