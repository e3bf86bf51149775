-- unit: schema

CREATE INDEX idx_event_outbox_held_xid ON iu_core.event_outbox (xid, id) WHERE delivery_lane = 'held';

CREATE TABLE iu_core.iu_archive (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_archive_pkey PRIMARY KEY,
  file_name text COLLATE "C" NOT NULL,
  file_digest bytea NOT NULL,
  file_bytes bigint NOT NULL,
  content_digest bytea NOT NULL,
  content_bytes bigint NOT NULL,
  first_id bigint NOT NULL,
  last_id bigint NOT NULL,
  events bigint NOT NULL,
  attempts bigint NOT NULL,
  older_than timestamptz NOT NULL,
  oldest_at timestamptz NOT NULL,
  newest_at timestamptz NOT NULL,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  made_by text NOT NULL DEFAULT session_user,
  CONSTRAINT iu_archive_digest_chk CHECK (octet_length(file_digest) = 32 AND octet_length(content_digest) = 32),
  CONSTRAINT iu_archive_name_chk CHECK (file_name ~ '^[A-Za-z0-9._-]+$' AND octet_length(file_name) <= 200),
  CONSTRAINT iu_archive_events_chk CHECK (events > 0 AND first_id <= last_id)
);
CREATE INDEX iu_archive_range_idx ON iu_core.iu_archive (first_id, last_id);
COMMENT ON TABLE iu_core.iu_archive IS 'Every file of archived events, written down before anything is removed; append-only';
COMMENT ON COLUMN iu_core.iu_archive.file_digest IS 'SHA-256 over the compressed file';
COMMENT ON COLUMN iu_core.iu_archive.content_digest IS 'SHA-256 over what the file holds, taken by the database over its own rows';

-- requires: iu_archive
CREATE TABLE iu_core.iu_archive_move (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_archive_move_pkey PRIMARY KEY,
  archive_id bigint NOT NULL CONSTRAINT iu_archive_move_archive_fkey REFERENCES iu_core.iu_archive (id),
  move text COLLATE "C" NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  moved_by text NOT NULL DEFAULT session_user,
  CONSTRAINT iu_archive_move_chk CHECK (move IN ('removed', 'restored'))
);
CREATE INDEX iu_archive_move_xid_idx ON iu_core.iu_archive_move (xid);
CREATE INDEX iu_archive_move_archive_idx ON iu_core.iu_archive_move (archive_id, id);
COMMENT ON TABLE iu_core.iu_archive_move IS 'When an archive''s events were removed from the outbox, and brought back; append-only';
COMMENT ON COLUMN iu_core.iu_archive_move.xid IS 'the transaction that removes: it alone may delete from the outbox and the attempts';

-- What was counted once needs no second count: an attempt is history, and so is the lane of an event. The audit walks
-- up the outbox behind the worker, counts each event when it is settled, and remembers what it could not count yet: late
-- commits by their transaction (iu_event_audit_late), events without an attempt by their id (iu_event_audit_open).
CREATE TABLE iu_core.iu_event_audit (
  is_the_one boolean NOT NULL DEFAULT true CONSTRAINT iu_event_audit_pkey PRIMARY KEY,
  system_identifier bigint NOT NULL,
  through_id bigint NOT NULL DEFAULT 0,
  attempted bigint NOT NULL DEFAULT 0,
  written_held bigint NOT NULL DEFAULT 0,
  released bigint NOT NULL DEFAULT 0,
  discarded bigint NOT NULL DEFAULT 0,
  archived bigint NOT NULL DEFAULT 0,
  audited_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT iu_event_audit_one_chk CHECK (is_the_one)
) WITH (fillfactor = 50);
COMMENT ON TABLE iu_core.iu_event_audit IS 'One row: how far the events are audited, and what they came to; derived, made anew by fn_iu_event_audit_restart';
COMMENT ON COLUMN iu_core.iu_event_audit.through_id IS 'every event up to here is counted, but for those of iu_event_audit_late and iu_event_audit_open';
COMMENT ON COLUMN iu_core.iu_event_audit.attempted IS 'counted events with an attempt that are in the outbox still';
COMMENT ON COLUMN iu_core.iu_event_audit.written_held IS 'counted events of lane held, whatever became of them';
COMMENT ON COLUMN iu_core.iu_event_audit.released IS 'counted events that release a held one';
COMMENT ON COLUMN iu_core.iu_event_audit.discarded IS 'rows of iu_held_decision, kept by their trigger';
COMMENT ON COLUMN iu_core.iu_event_audit.archived IS 'events that are in archives and not in the outbox';

CREATE TABLE iu_core.iu_event_audit_late (
  xid xid8 CONSTRAINT iu_event_audit_late_pkey PRIMARY KEY,
  through_id bigint NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE iu_core.iu_event_audit_late IS 'Transactions that were running when the audit went by: their events up to through_id are not counted yet';

CREATE TABLE iu_core.iu_event_audit_open (
  event_id bigint CONSTRAINT iu_event_audit_open_pkey PRIMARY KEY
) WITH (fillfactor = 50);
COMMENT ON TABLE iu_core.iu_event_audit_open IS 'Events that the audit has gone by and that were not settled then; looked at again each time, 1000 at most';

CREATE INDEX iu_route_attempt_replay_idx ON iu_core.iu_route_attempt (event_id, route_id, attempt_no) WHERE worker_code = 'replay';

-- In place of indexes on the attempts, which the worker would have to pay for: written behind it, by the audit.
CREATE TABLE iu_core.iu_route_attempt_block (
  event_type text COLLATE "C" NOT NULL,
  route_id integer NOT NULL,
  status text COLLATE "C" NOT NULL,
  block_no bigint NOT NULL,
  attempts bigint NOT NULL,
  CONSTRAINT iu_route_attempt_block_pkey PRIMARY KEY (event_type, route_id, status, block_no)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX iu_route_attempt_block_kind_idx ON iu_core.iu_route_attempt_block (event_type, route_id, status) WHERE block_no = -1;
COMMENT ON TABLE iu_core.iu_route_attempt_block IS 'How many attempts of a kind, replays apart, are in each block of 256 event ids, of events that the audit has counted';
COMMENT ON COLUMN iu_core.iu_route_attempt_block.block_no IS 'event id / 256; -1 = all of them';

-- requires: event_outbox, iu_route_worker_cursor, fn_iu_system_identifier
-- A view and not a function: it is read for every event that waits. What is the same for all of them stands in
-- sub-selects of its own, which are asked once.
CREATE OR REPLACE VIEW iu_core.v_iu_event_claim AS
SELECT e.id AS event_id, e.xid, e.event_domain, e.event_type, e.created_at, c.worker_code,
       CASE
         WHEN c.system_identifier IS DISTINCT FROM (SELECT iu_core.fn_iu_system_identifier())
           OR pg_snapshot_xmin(c.snap_from) > (SELECT pg_snapshot_xmax(pg_current_snapshot())) THEN false
         WHEN pg_visible_in_snapshot(e.xid, c.snap_from) THEN true
         WHEN e.xid >= pg_snapshot_xmax(c.snap_from) AND e.id <= c.floor_id THEN true  -- no window looks below its floor
         WHEN e.xid = c.own_xid AND e.id <= c.own_last_id THEN true
         WHEN c.snap_to IS NULL OR e.id > c.last_id THEN false
         WHEN e.id <= c.trusted_id THEN e.xid NOT IN (SELECT pg_snapshot_xip(c.snap_to))
         ELSE pg_visible_in_snapshot(e.xid, c.snap_to)
       END AS is_passed, e.released_from
FROM iu_core.iu_route_worker_cursor AS c
JOIN iu_core.event_outbox AS e ON e.bucket BETWEEN c.bucket_from AND c.bucket_to AND e.delivery_lane <> 'held';
COMMENT ON VIEW iu_core.v_iu_event_claim IS 'For every event that is not held: the worker whose it is, and whether that worker claims to be done with it. Accounting holds the claim against the attempts';

-- requires: event_outbox, iu_event_audit, iu_event_audit_late, iu_event_audit_open, iu_route_attempt, iu_route_dead_letter, v_iu_event_claim
-- The one place that decides what may leave: an event that the audit has counted as attempted, that its worker has gone by
-- and that nothing refers to. Lane held and the rows that release from it stay: each explains the other.
CREATE VIEW iu_core.v_iu_event_archivable AS
SELECT e.id AS event_id, greatest(e.created_at, a.newest_at) AS newest_at
FROM iu_core.event_outbox AS e
CROSS JOIN LATERAL (SELECT max(created_at) AS newest_at FROM iu_core.iu_route_attempt WHERE event_id = e.id HAVING bool_or(attempt_no = 1) OFFSET 0) AS a
WHERE e.id <= (SELECT through_id FROM iu_core.iu_event_audit)
  AND e.delivery_lane <> 'held' AND e.released_from IS NULL
  AND NOT EXISTS (SELECT FROM iu_core.iu_event_audit_open AS o WHERE o.event_id = e.id)
  AND NOT EXISTS (SELECT FROM iu_core.iu_event_audit_late AS l WHERE l.xid = e.xid AND e.id <= l.through_id)
  AND NOT EXISTS (SELECT FROM iu_core.iu_route_dead_letter AS d WHERE d.event_id = e.id AND d.status = 'open')
  AND EXISTS (SELECT FROM iu_core.v_iu_event_claim AS c WHERE c.event_id = e.id AND c.is_passed);
COMMENT ON VIEW iu_core.v_iu_event_archivable IS 'Events that may be archived when they are old enough: newest_at is the time of the event or of its last attempt';

-- requires: v_iu_event_archivable
-- One line an event, with its attempts, as the rows are: what a file holds, and what is digested. Times are written in UTC
-- whatever the session's zone, so that the same rows are always the same bytes.
CREATE FUNCTION iu_core.fn_iu_archive_content(p_older_than timestamptz, p_after_id bigint, p_last_id bigint, p_limit integer, p_most_bytes bigint DEFAULT 33554432)
RETURNS TABLE (first_id bigint, last_id bigint, events bigint, attempts bigint, oldest_at timestamptz, newest_at timestamptz, content text, event_ids bigint[])
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
AS $$
  WITH lines AS MATERIALIZED (
    SELECT e.id, e.created_at, v.newest_at, l.n, l.line, sum(octet_length(l.line)) OVER (ORDER BY e.id) AS bytes, row_number() OVER (ORDER BY e.id) AS no
    FROM (SELECT event_id, newest_at FROM v_iu_event_archivable
          WHERE event_id > p_after_id AND event_id <= coalesce(p_last_id, 9223372036854775807) AND newest_at < p_older_than
          ORDER BY event_id LIMIT p_limit) AS v
    JOIN event_outbox AS e ON e.id = v.event_id
    CROSS JOIN LATERAL (
      SELECT count(*) AS n, jsonb_build_object('event', to_jsonb(e) - 'bucket', 'attempts', jsonb_agg(to_jsonb(a) ORDER BY a.route_id, a.attempt_no))::text || E'\n' AS line
      FROM iu_route_attempt AS a WHERE a.event_id = e.id OFFSET 0) AS l
  )
  SELECT min(id), max(id), count(*), sum(n)::bigint, min(created_at), max(newest_at), string_agg(line, '' ORDER BY id), array_agg(id ORDER BY id)
  FROM lines WHERE bytes <= p_most_bytes OR no = 1 HAVING count(*) > 0
$$;
COMMENT ON FUNCTION iu_core.fn_iu_archive_content(timestamptz, bigint, bigint, integer, bigint) IS 'The next events behind an id that may be archived, p_limit and about p_most_bytes at most, as the lines of a file; no row when there are none';
REVOKE ALL ON FUNCTION iu_core.fn_iu_archive_content(timestamptz, bigint, bigint, integer, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_archive_content(timestamptz, bigint, bigint, integer, bigint) TO iu_approver;

-- requires: fn_iu_archive_content, iu_archive, iu_core
-- The digest is taken here, over the database's own rows: a file that holds anything else is not recorded.
CREATE FUNCTION iu_core.dot_iu_record_archive(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_older_than constant timestamptz := (p_params ->> 'older_than')::timestamptz;
  v_batch record;
  v_digest bytea;
  v_id bigint;
BEGIN
  IF v_older_than > clock_timestamp() THEN
    RAISE EXCEPTION 'older_than: % has not come yet', v_older_than USING ERRCODE = 'IU002', COLUMN = 'older_than';
  END IF;
  SELECT * INTO v_batch FROM fn_iu_archive_content(v_older_than, (p_params ->> 'first_event')::bigint - 1, (p_params ->> 'last_event')::bigint, 100000, 1073741824);
  v_digest := sha256(convert_to(v_batch.content, 'UTF8'));
  IF v_digest IS DISTINCT FROM decode(p_params ->> 'content_sha256', 'hex') THEN
    RAISE EXCEPTION 'content_sha256: the events from % to % are not what the file holds', p_params ->> 'first_event', p_params ->> 'last_event'
      USING ERRCODE = 'IU014', COLUMN = 'content_sha256', HINT = 'Something happened to them since: make the file anew.';
  END IF;
  INSERT INTO iu_archive (file_name, file_digest, file_bytes, content_digest, content_bytes, first_id, last_id, events, attempts, older_than, oldest_at, newest_at, made_by)
  VALUES (p_params ->> 'file', decode(p_params ->> 'file_sha256', 'hex'), (p_params ->> 'file_bytes')::bigint, v_digest, octet_length(v_batch.content),
          v_batch.first_id, v_batch.last_id, v_batch.events, v_batch.attempts, v_older_than, v_batch.oldest_at, v_batch.newest_at, fn_iu_actor())
  RETURNING id INTO v_id;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'objects', jsonb_build_array(jsonb_build_object('ref', 'archive:' || (p_params ->> 'file'), 'change', 'create', 'after', jsonb_build_object('events', v_batch.events, 'attempts', v_batch.attempts))),
    'result', jsonb_build_object('archive', v_id, 'events', v_batch.events, 'attempts', v_batch.attempts, 'first_event', v_batch.first_id, 'last_event', v_batch.last_id),
    'checks', jsonb_build_array(jsonb_build_object('name', 'the_file_is_on_record', 'kind', 'archive', 'archive', v_id, 'sha256', p_params -> 'content_sha256')),
    'irreversible', 'A record of a file stays; nothing was removed.');
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_record_archive(jsonb, jsonb) IS 'Writes a file of archived events down with its digests; refuses one whose content is not what the rows are. Removes nothing';
REVOKE ALL ON FUNCTION iu_core.dot_iu_record_archive(jsonb, jsonb) FROM PUBLIC;

-- requires: iu_route_attempt_block
CREATE FUNCTION iu_core.fn_iu_attempt_block_count(p_event_ids bigint[], p_sign integer)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH counted AS (
    SELECT e.event_type, a.route_id, a.status, e.id / 256 AS block_no, count(*) AS n
    FROM unnest(p_event_ids) AS i(id)
    CROSS JOIN LATERAL (SELECT id, event_type FROM event_outbox WHERE id = i.id OFFSET 0) AS e
    CROSS JOIN LATERAL (SELECT route_id, status FROM iu_route_attempt WHERE event_id = i.id AND worker_code <> 'replay' OFFSET 0) AS a
    GROUP BY e.event_type, a.route_id, a.status, e.id / 256
  )
  INSERT INTO iu_route_attempt_block AS b (event_type, route_id, status, block_no, attempts)
  SELECT event_type, route_id, status, block_no, p_sign * n FROM counted
  UNION ALL
  SELECT event_type, route_id, status, -1, p_sign * sum(n) FROM counted GROUP BY event_type, route_id, status
  ON CONFLICT (event_type, route_id, status, block_no) DO UPDATE SET attempts = b.attempts + excluded.attempts
$$;
COMMENT ON FUNCTION iu_core.fn_iu_attempt_block_count(bigint[], integer) IS 'Adds (1) or takes away (-1) the attempts, replays apart, of the given events, which are in the outbox, to or from their blocks';
REVOKE ALL ON FUNCTION iu_core.fn_iu_attempt_block_count(bigint[], integer) FROM PUBLIC;

-- requires: iu_archive, iu_archive_move
CREATE VIEW iu_core.v_iu_archive AS
SELECT a.id AS archive_id, a.file_name, encode(a.file_digest, 'hex') AS file_digest, a.file_bytes, encode(a.content_digest, 'hex') AS content_digest, a.content_bytes,
       a.first_id, a.last_id, a.events, a.attempts, a.older_than, a.oldest_at, a.newest_at, a.made_at, a.made_by,
       coalesce(m.move = 'removed', false) AS is_removed, m.moved_at, m.moved_by
FROM iu_core.iu_archive AS a
LEFT JOIN LATERAL (SELECT move, moved_at, moved_by FROM iu_core.iu_archive_move WHERE archive_id = a.id ORDER BY id DESC LIMIT 1) AS m ON true;
COMMENT ON VIEW iu_core.v_iu_archive IS 'Every archive, and whether its events are removed from the outbox at present';
GRANT SELECT ON iu_core.v_iu_archive TO iu_reader;

-- requires: fn_iu_archive_content, fn_iu_attempt_block_count, iu_archive_move, iu_core, v_iu_archive
-- Locks old events and the audit, nothing that a pass or an emitter waits for.
CREATE FUNCTION iu_core.dot_iu_remove_archived_events(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_archive v_iu_archive;
  v_batch record;
  v_events bigint;
  v_attempts bigint;
  v_keyed bigint;
BEGIN
  -- The audit stands still meanwhile, and no cursor begins to read everything once more.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  SELECT * INTO v_archive FROM v_iu_archive WHERE archive_id = (p_params ->> 'archive')::bigint;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'archive: there is no %', p_params ->> 'archive' USING ERRCODE = 'IU003', COLUMN = 'archive';
  ELSIF v_archive.is_removed THEN
    RAISE EXCEPTION 'archive: the events of % are removed already', p_params ->> 'archive' USING ERRCODE = 'IU016', COLUMN = 'archive';
  END IF;
  -- A replay locks its event: it is finished before the rows are compared, or finds no event after.
  PERFORM FROM event_outbox WHERE id BETWEEN v_archive.first_id AND v_archive.last_id ORDER BY id FOR UPDATE;
  SELECT * INTO v_batch FROM fn_iu_archive_content(v_archive.older_than, v_archive.first_id - 1, v_archive.last_id, 100000, 1073741824);
  IF encode(sha256(convert_to(v_batch.content, 'UTF8')), 'hex') IS DISTINCT FROM v_archive.content_digest THEN
    RAISE EXCEPTION 'archive: the events of % are not what its file holds', p_params ->> 'archive'
      USING ERRCODE = 'IU014', COLUMN = 'archive', HINT = 'Something happened to them since, or they must stay: archive them anew.';
  END IF;
  SELECT count(*) INTO v_keyed FROM event_outbox WHERE id = ANY (v_batch.event_ids) AND idempotency_key IS NOT NULL;
  PERFORM fn_iu_attempt_block_count(v_batch.event_ids, -1);
  INSERT INTO iu_archive_move (archive_id, move, moved_by) VALUES (v_archive.archive_id, 'removed', fn_iu_actor());
  DELETE FROM iu_route_attempt WHERE event_id = ANY (v_batch.event_ids);
  GET DIAGNOSTICS v_attempts = ROW_COUNT;
  DELETE FROM event_outbox WHERE id = ANY (v_batch.event_ids);
  GET DIAGNOSTICS v_events = ROW_COUNT;
  IF (v_events, v_attempts) <> (v_archive.events, v_archive.attempts) THEN
    RAISE EXCEPTION 'archive: % holds % events and % attempts, and % and % would go', p_params ->> 'archive', v_archive.events, v_archive.attempts, v_events, v_attempts USING ERRCODE = 'IU014', COLUMN = 'archive';
  END IF;
  UPDATE iu_event_audit SET attempted = attempted - v_events, archived = archived + v_events;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('archive', v_archive.archive_id, 'sha256', v_archive.content_digest),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'archive:' || v_archive.file_name, 'change', 'update',
      'before', jsonb_build_object('events', 'in the outbox'), 'after', jsonb_build_object('events', 'archived'))),
    'result', jsonb_build_object('events', v_events, 'attempts', v_attempts, 'first_event', v_archive.first_id, 'last_event', v_archive.last_id),
    'notes', CASE v_keyed WHEN 0 THEN '[]' ELSE jsonb_build_array(format('%s of them %s a key: emitted again under it, an event will be a new one.', v_keyed, CASE v_keyed WHEN 1 THEN 'has' ELSE 'have' END)) END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_archived', 'kind', 'archive', 'archive', v_archive.archive_id, 'removed', true)),
    'irreversible', format('The file brings them back: iu retention restore %s', v_archive.file_name));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_remove_archived_events(jsonb, jsonb) IS 'Removes the events and attempts of an archive on record, when they are exactly what its file holds and nothing needs them';
REVOKE ALL ON FUNCTION iu_core.dot_iu_remove_archived_events(jsonb, jsonb) FROM PUBLIC;

-- requires: fn_iu_attempt_block_count, iu_archive_move, iu_core, v_iu_archive
-- Only the very bytes that were archived come back: their digest was taken by the database when they left.
CREATE FUNCTION iu_core.dot_iu_restore_archived_events(p_params jsonb, p_context jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  v_archive v_iu_archive;
  v_lines jsonb[];
  v_ids bigint[];
  v_attempts bigint;
  v_taken bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  SELECT * INTO v_archive FROM v_iu_archive WHERE archive_id = (p_params ->> 'archive')::bigint;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'archive: there is no %', p_params ->> 'archive' USING ERRCODE = 'IU003', COLUMN = 'archive';
  ELSIF NOT v_archive.is_removed THEN
    RAISE EXCEPTION 'archive: the events of % are in the outbox', p_params ->> 'archive' USING ERRCODE = 'IU016', COLUMN = 'archive';
  ELSIF encode(sha256(convert_to(p_params ->> 'content', 'UTF8')), 'hex') <> v_archive.content_digest THEN
    RAISE EXCEPTION 'content: this is not what archive % holds', p_params ->> 'archive' USING ERRCODE = 'IU002', COLUMN = 'content', HINT = format('Its file is %s.', v_archive.file_name);
  END IF;
  v_lines := ARRAY(SELECT line::jsonb FROM string_to_table(p_params ->> 'content', E'\n') AS line WHERE line <> '');
  SELECT min(e.id) INTO v_taken
  FROM unnest(v_lines) AS r(line) JOIN event_outbox AS e
    ON (e.event_type, e.event_subject_ref, e.idempotency_key) = (r.line -> 'event' ->> 'event_type', r.line -> 'event' ->> 'event_subject_ref', r.line -> 'event' ->> 'idempotency_key') AND e.released_from IS NULL;
  IF v_taken IS NOT NULL THEN
    RAISE EXCEPTION 'content: event % was emitted since, with the key of one of these', v_taken USING ERRCODE = 'IU004', COLUMN = 'content', HINT = 'One key, one event: these stay in the archive.';
  END IF;
  -- Each row as it was, its transaction included: it was routed, and no worker looks for it. A payload may be the JSON null.
  WITH restored AS (
    INSERT INTO event_outbox (xid, id, event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, actor, created_at, released_from)
    OVERRIDING SYSTEM VALUE
    SELECT e.xid, e.id, e.event_domain, e.event_type, e.event_subject_table, e.event_subject_ref, r.line -> 'event' -> 'payload', e.delivery_lane, e.idempotency_key, e.actor, e.created_at, e.released_from
    FROM unnest(v_lines) AS r(line) CROSS JOIN LATERAL jsonb_populate_record(NULL::event_outbox, r.line -> 'event') AS e
    RETURNING id
  )
  SELECT array_agg(id) INTO v_ids FROM restored;
  INSERT INTO iu_route_attempt SELECT a.* FROM unnest(v_lines) AS r(line) CROSS JOIN LATERAL jsonb_populate_recordset(NULL::iu_route_attempt, r.line -> 'attempts') AS a;
  GET DIAGNOSTICS v_attempts = ROW_COUNT;
  PERFORM fn_iu_attempt_block_count(v_ids, 1);
  INSERT INTO iu_archive_move (archive_id, move, moved_by) VALUES (v_archive.archive_id, 'restored', fn_iu_actor());
  UPDATE iu_event_audit SET attempted = attempted + cardinality(v_ids), archived = archived - cardinality(v_ids);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('archive', v_archive.archive_id, 'sha256', v_archive.content_digest),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'archive:' || v_archive.file_name, 'change', 'update',
      'before', jsonb_build_object('events', 'archived'), 'after', jsonb_build_object('events', 'in the outbox'))),
    'result', jsonb_build_object('events', cardinality(v_ids), 'attempts', v_attempts),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_back', 'kind', 'archive', 'archive', v_archive.archive_id, 'removed', false, 'in_outbox', true)),
    'inverse', jsonb_build_object('command', 'dot_iu_remove_archived_events', 'params', jsonb_build_object('archive', v_archive.archive_id)));
END
$$;
COMMENT ON FUNCTION iu_core.dot_iu_restore_archived_events(jsonb, jsonb) IS 'Brings the events and attempts of a removed archive back, each row as it was, from the content of its file';
REVOKE ALL ON FUNCTION iu_core.dot_iu_restore_archived_events(jsonb, jsonb) FROM PUBLIC;

-- requires: v_iu_route_decision
-- For attempts that can raise (live delivery) and for replays: one at a time, each in its own
-- subtransaction. The common path is fn_iu_route_page.
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_attempt_one(p_worker_code text, p_event_id bigint, p_route_id integer, p_attempt_no integer)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_decision v_iu_route_decision;
  v_at timestamptz;
BEGIN
  -- An archive takes no event that is being attempted, and what it took is not attempted.
  PERFORM FROM event_outbox WHERE id = p_event_id FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event: % is not in the outbox', p_event_id USING ERRCODE = 'IU003', COLUMN = 'event_id', HINT = 'If it is archived, restore its archive first.';
  END IF;
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
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_attempt_one(text, bigint, integer, integer) IS 'Decides, attempts and writes down one event on one route; a failure is dead-lettered. Returns the status, or null when that attempt was already there';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_attempt_one(text, bigint, integer, integer) FROM PUBLIC;

-- requires: event_outbox, fn_iu_probe_left, information_unit, iu_account, iu_api_token, iu_collection, iu_collection_checkpoint, iu_collection_piece, iu_core, iu_held_decision, iu_outbound_route, iu_relation, iu_route_attempt, iu_route_dead_letter, iu_route_worker_run, iu_unit_axis, unit_version, v_iu_archive
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
      SELECT jsonb_build_object('others', count(*) FILTER (WHERE status <> c ->> 'status')) INTO v_have FROM iu_route_dead_letter WHERE id IN (SELECT jsonb_array_elements_text(c -> 'ids')::bigint);
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

-- requires: iu_route_worker_cursor, v_iu_event_claim
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_pending(p_limit integer)
RETURNS TABLE (worker_code text, event_id bigint, event_domain text, event_type text, created_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
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
    -- Attempts are looked up above the floor alone: a join must not walk through those of the past.
    SELECT e.event_id, e.event_domain, e.event_type, e.created_at FROM v_iu_event_claim AS e
    WHERE e.worker_code = c.worker_code AND e.event_id > f.floor_id AND NOT e.is_passed
      AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.event_id AND a.event_id > f.floor_id)
    UNION ALL
    SELECT late.*
    FROM (SELECT pg_snapshot_xip(c.snap_from) UNION SELECT pg_snapshot_xip(c.snap_to)) AS running(x)
    CROSS JOIN LATERAL (
      SELECT e.event_id, e.event_domain, e.event_type, e.created_at FROM v_iu_event_claim AS e
      WHERE e.worker_code = c.worker_code AND e.xid = x AND e.event_id <= f.floor_id AND NOT e.is_passed
        AND NOT EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.event_id OFFSET 0)
      OFFSET 0                        -- by the transaction, never by a walk below the floor
    ) AS late
    LIMIT p_limit
  ) AS p
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_pending(integer) IS 'Up to p_limit events per worker that it has yet to route';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_pending(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_event_pending(integer) TO iu_reader;

-- requires: dot_iu_command_run, iu_core, v_iu_archive
CREATE OR REPLACE FUNCTION iu_core.fn_dot_run_verify(p_run iu_core.dot_iu_command_run, p_target iu_core.dot_iu_command_run)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_results jsonb;
BEGIN
  SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', c ->> 'name', 'ok', d.detail IS NULL, 'detail', d.detail)) ORDER BY n), '[]') INTO v_results
  FROM jsonb_array_elements((p_target).receipt -> 'checks') WITH ORDINALITY AS x(c, n)
  CROSS JOIN LATERAL (SELECT fn_dot_check(c) AS detail OFFSET 0) AS d;
  IF (p_target).event_count > 0 THEN
    -- Events that were archived since were counted there, each of them.
    v_results := v_results || (
      SELECT jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('name', 'events_written', 'ok', n = (p_target).event_count OR n < (p_target).event_count AND is_archived,
               'detail', CASE WHEN n < (p_target).event_count AND is_archived THEN format('%s of %s are archived', (p_target).event_count - n, (p_target).event_count)
                              WHEN n <> (p_target).event_count THEN format('want %s, have %s', (p_target).event_count, n) END)))
      FROM (SELECT count(*) AS n FROM event_outbox WHERE id BETWEEN (p_target).event_from AND (p_target).event_to AND xid = (p_target).xid) AS counted,
           (SELECT EXISTS (SELECT FROM v_iu_archive WHERE first_id <= (p_target).event_to AND last_id >= (p_target).event_from AND is_removed) AS is_archived) AS archives);
  END IF;
  RETURN fn_dot_run_write(p_run, jsonb_build_object('results', v_results,
    'status', CASE WHEN EXISTS (SELECT FROM jsonb_array_elements(v_results) AS r WHERE NOT (r -> 'ok')::boolean) THEN 'unverified' ELSE 'verified' END));
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_run_verify(iu_core.dot_iu_command_run, iu_core.dot_iu_command_run) IS 'Checks a run''s named postconditions against the present state and writes the result: verified, or unverified with what differs';
REVOKE ALL ON FUNCTION iu_core.fn_dot_run_verify(iu_core.dot_iu_command_run, iu_core.dot_iu_command_run) FROM PUBLIC;

-- requires: iu_archive_move
CREATE FUNCTION iu_core.fn_iu_append_only_but_archived()
RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    -- The removal stands on record before the first row goes, in the transaction that both belong to.
    IF EXISTS (SELECT FROM iu_archive_move WHERE xid = pg_current_xact_id_if_assigned() AND move = 'removed') THEN
      RETURN NULL;
    END IF;
  END IF;
  RAISE EXCEPTION '%.% is append-only: % refused', TG_TABLE_SCHEMA, TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'IU005', TABLE = TG_TABLE_NAME, HINT = 'History is never rewritten; write a new row instead, or archive old ones.';
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_append_only_but_archived() IS 'Trigger function: raises IU005 (append_only) on whatever would change history, but for the removal of what is archived';
REVOKE ALL ON FUNCTION iu_core.fn_iu_append_only_but_archived() FROM PUBLIC;

-- requires: event_outbox, iu_event_audit, iu_event_audit_late, iu_event_audit_open, iu_route_attempt, iu_route_dead_letter
-- As v_iu_event_archivable, for all events at once and with the reason why one stays.
CREATE FUNCTION iu_core.fn_iu_archive_forecast(p_older_than timestamptz)
RETURNS TABLE (verdict text, events bigint, attempts bigint, oldest_at timestamptz, newest_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT verdict, count(*), coalesce(sum(n), 0)::bigint, min(created_at), max(created_at)
  FROM (
    SELECT e.created_at, a.n, CASE
             WHEN e.delivery_lane = 'held' THEN 'held'
             WHEN e.released_from IS NOT NULL THEN 'releases_a_held_event'
             WHEN a.event_id IS NULL THEN 'not_attempted'
             WHEN e.id > coalesce(u.through_id, 0) OR o.event_id IS NOT NULL OR l.xid IS NOT NULL THEN 'not_audited'
             WHEN EXISTS (SELECT FROM iu_route_dead_letter AS d WHERE d.event_id = e.id AND d.status = 'open') THEN 'open_dead_letter'
             WHEN a.newest_at >= p_older_than THEN 'attempted_since'
             ELSE 'archivable' END AS verdict
    FROM event_outbox AS e
    LEFT JOIN (SELECT event_id, count(*) AS n, max(created_at) AS newest_at FROM iu_route_attempt GROUP BY event_id) AS a ON a.event_id = e.id
    LEFT JOIN iu_event_audit AS u ON true
    LEFT JOIN iu_event_audit_open AS o ON o.event_id = e.id
    LEFT JOIN iu_event_audit_late AS l ON l.xid = e.xid AND e.id <= l.through_id
    WHERE e.created_at < p_older_than
  ) AS judged
  GROUP BY verdict
$$;
COMMENT ON FUNCTION iu_core.fn_iu_archive_forecast(timestamptz) IS 'What an archive of all events older than a time would take, and what would stay and why. It takes as long as there are events';
REVOKE ALL ON FUNCTION iu_core.fn_iu_archive_forecast(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_archive_forecast(timestamptz) TO iu_reader;

-- requires: iu_route_worker_cursor
CREATE OR REPLACE FUNCTION iu_core.fn_iu_cursor_reset(p_worker_code text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  -- Under the lock of a pass, or one under way would write its own position over this.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), lock_no) FROM iu_route_worker_cursor WHERE worker_code = p_worker_code;
  -- Without a system identifier the next pass opens a window over everything, as after a restore.
  UPDATE iu_route_worker_cursor SET system_identifier = NULL WHERE worker_code = p_worker_code;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', p_worker_code USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  -- A route that is new since may be attempted for events that are counted already.
  PERFORM fn_iu_event_audit_restart() WHERE EXISTS (SELECT FROM iu_event_audit);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_reset(text) IS 'Makes a worker read every event once more; what has been decided is not decided again. IU003 unknown worker';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_reset(text) FROM PUBLIC;

-- requires: event_outbox, iu_event_audit, iu_event_audit_late, iu_event_audit_open
-- The parts have no event in common: what was open was seen, what is late was not.
CREATE VIEW iu_core.v_iu_event_unaudited AS
SELECT e.id AS event_id FROM iu_core.event_outbox AS e WHERE e.id > coalesce((SELECT through_id FROM iu_core.iu_event_audit), 0)
UNION ALL
SELECT o.event_id FROM iu_core.iu_event_audit_open AS o
UNION ALL
SELECT late.id FROM iu_core.iu_event_audit_late AS l CROSS JOIN LATERAL (
  SELECT e.id FROM iu_core.event_outbox AS e WHERE e.xid = l.xid AND e.id <= l.through_id AND e.delivery_lane <> 'held'
  UNION ALL
  SELECT e.id FROM iu_core.event_outbox AS e WHERE e.xid = l.xid AND e.id <= l.through_id AND e.delivery_lane = 'held'
  OFFSET 0                            -- by the transaction, never by a walk
) AS late;
COMMENT ON VIEW iu_core.v_iu_event_unaudited IS 'The events that the audit has not counted';

-- requires: v_iu_event_claim, v_iu_event_unaudited
-- What the audit has counted, and of what it has not the first p_most, judged one by one.
CREATE FUNCTION iu_core.fn_iu_event_account(p_most integer DEFAULT 10001)
RETURNS TABLE (events bigint, attempted bigint, held bigint, released bigint, discarded bigint, archived bigint, not_yet_routed bigint, unexplained bigint, is_exact boolean, audited_through bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_audit iu_event_audit;
  v_through bigint;
  v_last bigint;
  v_below bigint[];
  v_part record;
BEGIN
  SELECT * INTO v_audit FROM iu_event_audit;
  v_through := coalesce(v_audit.through_id, 0);
  v_below := ARRAY(SELECT event_id FROM v_iu_event_unaudited WHERE event_id <= v_through LIMIT p_most);
  -- Judged as a range, so that no join walks through the past.
  v_last := coalesce((SELECT id FROM event_outbox WHERE id > v_through ORDER BY id OFFSET greatest(p_most - 1 - cardinality(v_below), 0) LIMIT 1), 9223372036854775807);
  WITH unaudited AS (
    SELECT c.is_passed, EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = c.event_id AND a.attempt_no = 1 OFFSET 0) AS is_attempted, c.released_from IS NOT NULL AS is_release
    FROM v_iu_event_claim AS c WHERE c.event_id = ANY (v_below)
    UNION ALL
    SELECT c.is_passed, c.event_id IN (SELECT a.event_id FROM iu_route_attempt AS a WHERE a.event_id > v_through AND a.event_id <= v_last AND a.attempt_no = 1), c.released_from IS NOT NULL
    FROM v_iu_event_claim AS c WHERE c.event_id > v_through AND c.event_id <= v_last
    UNION ALL
    -- A bucket without a worker: nobody will ever look at its events.
    SELECT true, EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = e.id AND a.attempt_no = 1 OFFSET 0), e.released_from IS NOT NULL
    FROM event_outbox AS e
    WHERE (SELECT coalesce(sum(bucket_to - bucket_from + 1), 0) FROM iu_route_worker_cursor) < 16
      AND (e.id = ANY (v_below) OR e.id > v_through AND e.id <= v_last) AND e.delivery_lane <> 'held'
      AND NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c WHERE e.bucket BETWEEN c.bucket_from AND c.bucket_to)
    UNION ALL
    SELECT NULL, false, false FROM event_outbox AS e WHERE (e.id = ANY (v_below) OR e.id > v_through AND e.id <= v_last) AND e.delivery_lane = 'held'
  )
  SELECT count(*) AS n, count(*) FILTER (WHERE is_passed IS NULL) AS held, count(*) FILTER (WHERE is_release) AS released, count(*) FILTER (WHERE is_attempted) AS attempted,
         count(*) FILTER (WHERE NOT is_attempted AND NOT is_passed) AS waiting, count(*) FILTER (WHERE NOT is_attempted AND is_passed) AS unexplained
  INTO STRICT v_part FROM unaudited;

  attempted := coalesce(v_audit.attempted, 0) + v_part.attempted;
  released := coalesce(v_audit.released, 0) + v_part.released;
  discarded := coalesce(v_audit.discarded, (SELECT count(*) FROM iu_held_decision));
  held := coalesce(v_audit.written_held, 0) + v_part.held - released - discarded;
  archived := coalesce(v_audit.archived, 0);
  not_yet_routed := v_part.waiting;
  unexplained := v_part.unexplained;
  events := attempted + held + released + discarded + archived + not_yet_routed + unexplained;
  is_exact := v_part.n < p_most;
  audited_through := v_through;
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_account(integer) IS 'The accounting identity from the audit and the events above it; exact unless p_most or more are unaudited, when it says so and counts at least';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_account(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_event_account(integer) TO iu_reader;

-- requires: event_outbox, v_iu_archive
CREATE FUNCTION iu_core.fn_iu_event_archived(p_event_id bigint)
RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT NOT EXISTS (SELECT FROM event_outbox WHERE id = p_event_id)
     AND EXISTS (SELECT FROM v_iu_archive WHERE p_event_id BETWEEN first_id AND last_id AND is_removed)
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_archived(bigint) IS 'Whether an event that there was is in an archive and not in the outbox';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_archived(bigint) FROM PUBLIC;

-- requires: iu_event_audit, iu_event_audit_late, iu_event_audit_open, iu_route_attempt_block
CREATE FUNCTION iu_core.fn_iu_event_audit_restart()
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  -- The trigger on the decisions counts into the row that is there: none may be under way while it is made.
  LOCK TABLE iu_held_decision IN SHARE MODE;
  DELETE FROM iu_event_audit_late;
  DELETE FROM iu_event_audit_open;
  DELETE FROM iu_route_attempt_block;
  DELETE FROM iu_event_audit;
  INSERT INTO iu_event_audit (system_identifier, discarded, archived)
  SELECT fn_iu_system_identifier(), (SELECT count(*) FROM iu_held_decision), (SELECT coalesce(sum(events), 0) FROM v_iu_archive WHERE is_removed);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_audit_restart() IS 'Lets the audit begin anew at the first event';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_audit_restart() FROM PUBLIC;

-- requires: fn_iu_attempt_block_count, fn_iu_event_audit_restart, fn_iu_newest_xid, fn_iu_snapshot_fenced, v_iu_event_claim
-- It stalls behind nobody: an event that commits late is counted late, an event that waits is remembered.
CREATE FUNCTION iu_core.fn_iu_event_audit(p_limit integer DEFAULT 20000)
RETURNS TABLE (status text, audited integer, through_id bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  v_most_open constant integer := 1000;
  v_own constant xid8 := pg_current_xact_id_if_assigned();
  v_floor bigint;
  v_limit bigint;
  v_newest xid8;
  v_audit iu_event_audit;
  v_page record;
  v_running xid8[];
BEGIN
  status := 'idle'; audited := 0; through_id := 0;
  IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 100000 THEN
    RAISE EXCEPTION 'limit: % is not between 1 and 100000', coalesce(p_limit::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'limit';
  ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'an audit needs READ COMMITTED, not %', upper(current_setting('transaction_isolation')) USING ERRCODE = 'IU011', HINT = 'Its snapshot must be taken after its lock.';
  ELSIF NOT pg_try_advisory_xact_lock(hashtext('iu_core.iu_event_audit')) THEN
    status := 'busy'; RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO v_audit FROM iu_event_audit;
  v_floor := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
  through_id := v_audit.through_id;
  IF NOT FOUND AND v_floor = 0
     OR v_audit.through_id >= v_floor AND v_audit.system_identifier = fn_iu_system_identifier() AND NOT EXISTS (SELECT FROM iu_event_audit_open) AND NOT EXISTS (SELECT FROM iu_event_audit_late) THEN
    RETURN NEXT; RETURN;
  ELSIF v_audit.system_identifier IS DISTINCT FROM fn_iu_system_identifier() THEN
    PERFORM fn_iu_event_audit_restart();
    SELECT * INTO STRICT v_audit FROM iu_event_audit;
  END IF;
  -- Where hardly one more can be remembered, a look at a few will do.
  v_limit := least(p_limit, 1000 + 100 * (SELECT v_most_open - count(*) FROM iu_event_audit_open));
  -- In this order, as a pass has it: what is newer than v_newest draws its event ids above v_floor, and what is not and
  -- not finished in the snapshot of the next statement is running in the fenced one.
  v_newest := CASE WHEN v_own IS NULL THEN pg_current_xact_id() ELSE fn_iu_newest_xid(v_own) END;

  WITH regular AS MATERIALIZED (
    -- While a cursor reads everything once more, an attempt alone does not tell that it has gone by.
    SELECT NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c
                       WHERE c.system_identifier IS DISTINCT FROM fn_iu_system_identifier() OR c.trusted_id > 0
                         OR pg_snapshot_xmin(c.snap_from) > pg_snapshot_xmax(pg_current_snapshot())) AS is_regular
  ), next AS MATERIALIZED (
    SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.id > v_audit.through_id AND e.id <= v_floor ORDER BY e.id LIMIT v_limit
  ), finished AS MATERIALIZED (
    SELECT l.xid, l.through_id FROM iu_event_audit_late AS l WHERE pg_visible_in_snapshot(l.xid, pg_current_snapshot()) AND l.xid IS DISTINCT FROM v_own
  ), found AS (
    SELECT 'next' AS part, next.* FROM next
    UNION ALL
    SELECT 'late', e.* FROM finished AS f CROSS JOIN LATERAL (
      SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.xid = f.xid AND e.id <= f.through_id AND e.delivery_lane <> 'held'
      UNION ALL
      SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.xid = f.xid AND e.id <= f.through_id AND e.delivery_lane = 'held'
      OFFSET 0) AS e
    UNION ALL
    SELECT 'open', e.* FROM iu_event_audit_open AS o CROSS JOIN LATERAL (SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.id = o.event_id OFFSET 0) AS e
  ), judged AS MATERIALIZED (
    SELECT f.*, f.delivery_lane = 'held'
             OR EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = f.id AND a.attempt_no = 1 OFFSET 0)
                AND ((SELECT is_regular FROM regular) OR EXISTS (SELECT FROM v_iu_event_claim AS c WHERE c.event_id = f.id AND c.is_passed)) AS is_settled
    FROM found AS f
  ), reach AS MATERIALIZED (
    -- Up to the event that would be one too many to remember.
    SELECT coalesce(min(id) FILTER (WHERE n > v_most_open) - 1, CASE WHEN count(*) < v_limit THEN v_floor ELSE max(id) END) AS id
    FROM (SELECT j.id, (SELECT count(*) FROM judged WHERE part <> 'next' AND NOT is_settled) + count(*) FILTER (WHERE NOT j.is_settled) OVER (ORDER BY j.id ROWS UNBOUNDED PRECEDING)
                       * CASE WHEN j.is_settled THEN 0 ELSE 1 END AS n
          FROM judged AS j WHERE j.part = 'next') AS remembered
  ), counted AS (
    SELECT j.* FROM judged AS j, reach AS r WHERE j.part <> 'next' OR j.id <= r.id
  )
  SELECT r.id AS through_id, pg_current_snapshot() AS snapshot,
         coalesce((SELECT array_agg(xid) FROM finished), '{}') AS finished,
         coalesce(array_agg(c.id ORDER BY c.id) FILTER (WHERE c.is_settled AND c.delivery_lane <> 'held'), '{}') AS attempted,
         coalesce(array_agg(c.id) FILTER (WHERE c.is_settled AND c.part = 'open'), '{}') AS closed,
         coalesce(array_agg(c.id) FILTER (WHERE NOT c.is_settled AND c.part <> 'open'), '{}') AS opened,
         count(*) FILTER (WHERE c.delivery_lane = 'held')::integer AS held,
         count(*) FILTER (WHERE c.is_settled AND c.released_from IS NOT NULL) AS released
  INTO STRICT v_page
  FROM reach AS r LEFT JOIN counted AS c ON true GROUP BY r.id;

  audited := cardinality(v_page.attempted) + v_page.held;
  through_id := v_page.through_id;
  IF audited + cardinality(v_page.opened) + cardinality(v_page.finished) = 0 AND v_page.through_id = v_audit.through_id THEN
    RETURN NEXT; RETURN;
  END IF;
  IF v_page.through_id > v_audit.through_id THEN
    v_running := ARRAY(SELECT x FROM pg_snapshot_xip(fn_iu_snapshot_fenced(v_page.snapshot, coalesce(v_own, v_newest), v_newest)) AS x WHERE x <> coalesce(v_own, v_newest));
  END IF;
  DELETE FROM iu_event_audit_late WHERE xid = ANY (v_page.finished);
  INSERT INTO iu_event_audit_late (xid, through_id) SELECT x, v_page.through_id FROM unnest(v_running) AS x
  ON CONFLICT (xid) DO UPDATE SET through_id = excluded.through_id;
  DELETE FROM iu_event_audit_open WHERE event_id = ANY (v_page.closed);
  INSERT INTO iu_event_audit_open (event_id) SELECT unnest(v_page.opened);
  PERFORM fn_iu_attempt_block_count(v_page.attempted, 1);
  UPDATE iu_event_audit AS a
  SET through_id = v_page.through_id, attempted = a.attempted + cardinality(v_page.attempted), written_held = a.written_held + v_page.held,
      released = a.released + v_page.released, audited_at = clock_timestamp();
  status := 'audited';
  RETURN NEXT;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_audit(integer) IS 'One step of the audit: counts the next events, once each, when they have an attempt or are held; in the caller''s transaction, which must be READ COMMITTED. status: audited, idle (nothing to count), busy. IU002 bad limit, IU011 wrong isolation level';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_audit(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_event_audit(integer) TO iu_console, iu_worker, iu_operator, iu_approver;

CREATE FUNCTION iu_core.fn_iu_held_decision_count()
RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  -- Where there is no audit yet, its beginning counts.
  UPDATE iu_event_audit SET discarded = discarded + (SELECT count(*) FROM new_rows);
  RETURN NULL;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_held_decision_count() IS 'Trigger function: counts discarded events into the audit, in the transaction that discards them';
REVOKE ALL ON FUNCTION iu_core.fn_iu_held_decision_count() FROM PUBLIC;

-- requires: iu_route_attempt, iu_route_attempt_block, v_iu_event_unaudited
CREATE FUNCTION iu_core.fn_iu_route_attempt_count(p_route_code text, p_status text, p_event_type text, p_most integer)
RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_route constant integer := CASE WHEN p_route_code = '(no route)' THEN 0 WHEN p_route_code IS NOT NULL THEN coalesce((SELECT id FROM iu_outbound_route WHERE route_code = p_route_code), -1) END;
  v_through constant bigint := coalesce((SELECT through_id FROM iu_event_audit), 0);
  v_below constant bigint[] := ARRAY(SELECT event_id FROM v_iu_event_unaudited WHERE event_id <= v_through);
  v_n bigint;
BEGIN
  SELECT coalesce(sum(attempts), 0) INTO v_n FROM iu_route_attempt_block
  WHERE block_no = -1 AND (v_route IS NULL OR route_id = v_route) AND (p_status IS NULL OR status = p_status) AND (p_event_type IS NULL OR event_type = p_event_type);
  IF v_n < p_most THEN
    v_n := v_n + (SELECT count(*) FROM (
      SELECT FROM iu_route_attempt AS a
      WHERE (a.event_id > v_through OR a.event_id = ANY (v_below)) AND a.worker_code <> 'replay' AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
        AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
      LIMIT p_most - v_n) AS unaudited);
  END IF;
  IF v_n < p_most THEN
    v_n := v_n + (SELECT count(*) FROM (
      SELECT FROM iu_route_attempt AS a
      WHERE a.worker_code = 'replay' AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
        AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
      LIMIT p_most - v_n) AS replays);
  END IF;
  RETURN least(v_n, p_most);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_attempt_count(text, text, text, integer) IS 'How many attempts of a route, a status and an event type there are (null = any), counted to p_most';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_attempt_count(text, text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_attempt_count(text, text, text, integer) TO iu_reader;

-- requires: iu_route_attempt, iu_route_attempt_block, v_iu_event_unaudited
-- What workers wrote is found block by block; what the audit has not counted, and replays, directly. Whoever calls it
-- makes the rows distinct and sorts them: the parts overlap where a block has both.
CREATE FUNCTION iu_core.fn_iu_route_attempt_find(
  p_route_code text, p_status text, p_event_type text, p_backwards boolean, p_event_id bigint, p_route_id integer, p_attempt_no integer, p_limit integer)
RETURNS TABLE (event_id bigint, route_id integer, attempt_no integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  v_route constant integer := CASE WHEN p_route_code = '(no route)' THEN 0 WHEN p_route_code IS NOT NULL THEN coalesce((SELECT id FROM iu_outbound_route WHERE route_code = p_route_code), -1) END;
  v_through constant bigint := coalesce((SELECT through_id FROM iu_event_audit), 0);
  v_below constant bigint[] := ARRAY(SELECT event_id FROM v_iu_event_unaudited WHERE event_id <= v_through);
  v_from constant bigint := coalesce(p_event_id, CASE WHEN p_backwards THEN 0 ELSE 9223372036854775807 END);
  v_blocks bigint[];
  v_block bigint;
  v_found integer := 0;
  v_more integer;
BEGIN
  v_blocks := ARRAY(
    SELECT DISTINCT b.block_no
    FROM iu_route_attempt_block AS k CROSS JOIN LATERAL (
      SELECT block_no FROM iu_route_attempt_block
      WHERE NOT p_backwards AND (event_type, route_id, status) = (k.event_type, k.route_id, k.status) AND block_no BETWEEN 0 AND v_from / 256 AND attempts > 0
      ORDER BY block_no DESC LIMIT p_limit + 1) AS b
    WHERE k.block_no = -1 AND (v_route IS NULL OR k.route_id = v_route) AND (p_status IS NULL OR k.status = p_status) AND (p_event_type IS NULL OR k.event_type = p_event_type)
    UNION
    SELECT b.block_no
    FROM iu_route_attempt_block AS k CROSS JOIN LATERAL (
      SELECT block_no FROM iu_route_attempt_block
      WHERE p_backwards AND (event_type, route_id, status) = (k.event_type, k.route_id, k.status) AND block_no >= v_from / 256 AND attempts > 0
      ORDER BY block_no LIMIT p_limit + 1) AS b
    WHERE k.block_no = -1 AND (v_route IS NULL OR k.route_id = v_route) AND (p_status IS NULL OR k.status = p_status) AND (p_event_type IS NULL OR k.event_type = p_event_type)
    ORDER BY 1);
  FOR i IN 1 .. cardinality(v_blocks) LOOP
    v_block := v_blocks[CASE WHEN p_backwards THEN i ELSE cardinality(v_blocks) + 1 - i END];
    RETURN QUERY
    SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
    WHERE a.event_id BETWEEN v_block * 256 AND v_block * 256 + 255 AND a.worker_code <> 'replay'
      AND (p_event_id IS NULL OR CASE WHEN p_backwards THEN (a.event_id, a.route_id, a.attempt_no) > (p_event_id, p_route_id, p_attempt_no) ELSE (a.event_id, a.route_id, a.attempt_no) < (p_event_id, p_route_id, p_attempt_no) END)
      AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
      AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0));
    GET DIAGNOSTICS v_more = ROW_COUNT;
    v_found := v_found + v_more;
    EXIT WHEN v_found >= p_limit;
  END LOOP;
  RETURN QUERY
  SELECT a.event_id, a.route_id, a.attempt_no
  FROM iu_route_attempt AS a
  WHERE a.event_id = ANY (v_below) AND a.worker_code <> 'replay'
    AND (p_event_id IS NULL OR CASE WHEN p_backwards THEN (a.event_id, a.route_id, a.attempt_no) > (p_event_id, p_route_id, p_attempt_no) ELSE (a.event_id, a.route_id, a.attempt_no) < (p_event_id, p_route_id, p_attempt_no) END)
    AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
    AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0));
  IF p_backwards THEN
    RETURN QUERY
    (SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
     WHERE a.event_id > v_through AND a.worker_code <> 'replay' AND (a.event_id, a.route_id, a.attempt_no) > (v_from, coalesce(p_route_id, 0), coalesce(p_attempt_no, 0))
       AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
       AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
     ORDER BY a.event_id, a.route_id, a.attempt_no LIMIT p_limit)
    UNION ALL
    (SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
     WHERE a.worker_code = 'replay' AND (a.event_id, a.route_id, a.attempt_no) > (v_from, coalesce(p_route_id, 0), coalesce(p_attempt_no, 0))
       AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
       AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
     ORDER BY a.event_id, a.route_id, a.attempt_no LIMIT p_limit);
  ELSE
    RETURN QUERY
    (SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
     WHERE a.event_id > v_through AND a.worker_code <> 'replay' AND (a.event_id, a.route_id, a.attempt_no) < (v_from, coalesce(p_route_id, 0), coalesce(p_attempt_no, 0))
       AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
       AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
     ORDER BY a.event_id DESC, a.route_id DESC, a.attempt_no DESC LIMIT p_limit)
    UNION ALL
    (SELECT a.event_id, a.route_id, a.attempt_no FROM iu_route_attempt AS a
     WHERE a.worker_code = 'replay' AND (a.event_id, a.route_id, a.attempt_no) < (v_from, coalesce(p_route_id, 0), coalesce(p_attempt_no, 0))
       AND (v_route IS NULL OR a.route_id = v_route) AND (p_status IS NULL OR a.status = p_status)
       AND (p_event_type IS NULL OR EXISTS (SELECT FROM event_outbox AS e WHERE e.id = a.event_id AND e.event_type = p_event_type OFFSET 0))
     ORDER BY a.event_id DESC, a.route_id DESC, a.attempt_no DESC LIMIT p_limit);
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_route_attempt_find(text, text, text, boolean, bigint, integer, integer, integer) IS 'Keys of attempts of a route, a status and an event type (null = any): at least the p_limit next ones behind a key, in no order and some of them twice';
REVOKE ALL ON FUNCTION iu_core.fn_iu_route_attempt_find(text, text, text, boolean, bigint, integer, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_route_attempt_find(text, text, text, boolean, bigint, integer, integer, integer) TO iu_reader;

-- requires: fn_iu_event_account
-- Its columns change: it cannot be replaced.
DROP VIEW iu_core.v_iu_accounting;
CREATE VIEW iu_core.v_iu_accounting AS
SELECT events, attempted, held, released, discarded, archived, not_yet_routed, unexplained, is_exact, audited_through FROM iu_core.fn_iu_event_account();
COMMENT ON VIEW iu_core.v_iu_accounting IS 'The accounting identity: events = attempted + held + released + discarded + archived + not_yet_routed, and unexplained is 0. Read from the audit and what lies above it; v_iu_accounting_recount counts every row';
GRANT SELECT ON iu_core.v_iu_accounting TO iu_reader;

-- requires: event_outbox, iu_route_attempt, iu_held_decision, v_iu_event_claim, v_iu_archive
-- Counted from the rows, in one snapshot. What a worker claims to be done with but did not attempt,
-- and what no worker owns, is unexplained.
CREATE VIEW iu_core.v_iu_accounting_recount AS
SELECT count(account) + archived AS events,
       count(account) FILTER (WHERE account = 'attempted') AS attempted,
       count(account) FILTER (WHERE account = 'held') AS held,
       count(account) FILTER (WHERE account = 'released') AS released,
       count(account) FILTER (WHERE account = 'discarded') AS discarded,
       archived,
       count(account) FILTER (WHERE account = 'not_yet_routed') AS not_yet_routed,
       count(account) FILTER (WHERE account = 'unexplained') AS unexplained
FROM (SELECT coalesce(sum(events), 0)::bigint AS archived FROM iu_core.v_iu_archive WHERE is_removed) AS archives
LEFT JOIN (
  SELECT CASE
    WHEN e.delivery_lane = 'held' THEN CASE
      WHEN EXISTS (SELECT FROM iu_core.event_outbox AS n WHERE n.released_from = e.id) THEN 'released'
      WHEN EXISTS (SELECT FROM iu_core.iu_held_decision AS h WHERE h.event_id = e.id) THEN 'discarded'
      ELSE 'held' END
    WHEN a.event_id IS NOT NULL THEN 'attempted'
    WHEN NOT c.is_passed THEN 'not_yet_routed'
    ELSE 'unexplained' END AS account
  FROM iu_core.event_outbox AS e
  LEFT JOIN (SELECT DISTINCT event_id FROM iu_core.iu_route_attempt WHERE attempt_no = 1) AS a ON a.event_id = e.id
  LEFT JOIN iu_core.v_iu_event_claim AS c ON c.event_id = e.id AND a.event_id IS NULL
  OFFSET 0                            -- each row is judged once, not once for each count
) AS accounted ON true
GROUP BY archived;
COMMENT ON VIEW iu_core.v_iu_accounting_recount IS 'The accounting identity, counted from all rows: what v_iu_accounting must equal. It takes as long as there are events';
GRANT SELECT ON iu_core.v_iu_accounting_recount TO iu_reader;

-- requires: iu_collection, iu_collection_piece, information_unit, unit_version, iu_tree_path
CREATE OR REPLACE VIEW iu_core.v_iu_collection_piece AS
SELECT p.collection_id, c.canonical_address AS collection_address, p.position, u.id AS unit_id, u.canonical_address AS unit_address,
       u.unit_kind, u.lifecycle_status, u.title, coalesce(t.section_level, 0)::integer AS section_level,
       -- How many sections stand around it, by the levels of their headings.
       CASE WHEN t.section_level > 0 THEN t.section_level - 1 ELSE coalesce(s.section_level, 0) END::integer AS depth,
       v.version_seq, p.pinned_version_seq IS NOT NULL AS pinned, encode(v.content_digest, 'hex') AS content_digest, v.byte_length,
       CASE WHEN p.separator IS NOT NULL THEN p.separator
            WHEN EXISTS (SELECT FROM iu_core.iu_collection_piece AS n WHERE n.collection_id = p.collection_id AND n.position > p.position) THEN c.joiner
            ELSE '' END AS separator,
       v.body,
       (SELECT count(*) FROM iu_core.iu_collection_piece AS o WHERE o.unit_id = p.unit_id)::integer AS used_in
FROM iu_core.iu_collection_piece AS p
JOIN iu_core.iu_collection AS c ON c.id = p.collection_id
JOIN iu_core.information_unit AS u ON u.id = p.unit_id
-- There is exactly one; a join would be taken for one in two hundred, and a page for the whole collection.
CROSS JOIN LATERAL (SELECT * FROM iu_core.unit_version WHERE unit_id = u.id AND version_seq = coalesce(p.pinned_version_seq, u.current_version_seq) LIMIT 1) AS v
LEFT JOIN iu_core.iu_tree_path AS t ON t.unit_id = u.id
LEFT JOIN iu_core.iu_tree_path AS s ON s.unit_id = t.parent_unit_id
WHERE c.status = 'active';
COMMENT ON VIEW iu_core.v_iu_collection_piece IS 'The rows of a manifest; order by position within one collection. body || separator, in order, is the rendering';
GRANT SELECT ON iu_core.v_iu_collection_piece TO iu_reader;

DROP TRIGGER trg_event_outbox_append_only ON iu_core.event_outbox;
-- requires: event_outbox, fn_iu_append_only_but_archived
CREATE TRIGGER trg_event_outbox_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.event_outbox
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only_but_archived();
COMMENT ON TRIGGER trg_event_outbox_append_only ON iu_core.event_outbox IS 'The outbox is append-only; a row''s lane never changes, and it leaves by an archive only';

-- requires: iu_archive, fn_iu_append_only
CREATE TRIGGER trg_iu_archive_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_archive
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_archive_append_only ON iu_core.iu_archive IS 'What was archived stays on record';

-- requires: iu_archive_move, fn_iu_append_only
CREATE TRIGGER trg_iu_archive_move_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_archive_move
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_iu_archive_move_append_only ON iu_core.iu_archive_move IS 'What was archived stays on record';

-- requires: iu_held_decision, fn_iu_held_decision_count
CREATE TRIGGER trg_iu_held_decision_count
  AFTER INSERT ON iu_core.iu_held_decision
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_held_decision_count();
COMMENT ON TRIGGER trg_iu_held_decision_count ON iu_core.iu_held_decision IS 'A decision is made by hand, and seldom: it can be counted as it is made';

DROP TRIGGER trg_iu_route_attempt_append_only ON iu_core.iu_route_attempt;
-- requires: iu_route_attempt, fn_iu_append_only_but_archived
CREATE TRIGGER trg_iu_route_attempt_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.iu_route_attempt
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only_but_archived();
COMMENT ON TRIGGER trg_iu_route_attempt_append_only ON iu_core.iu_route_attempt IS 'An attempt is history; it leaves by an archive only';
