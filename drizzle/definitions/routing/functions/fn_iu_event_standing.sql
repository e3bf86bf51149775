-- requires: fn_iu_event_judged, iu_event_audit, iu_route_worker_cursor, v_iu_event_unaudited
-- Accounting, backlog and health are one judgement: whatever waits is among what the audit has not counted. What was counted is
-- a row; of the rest the first p_most are judged. Where there are more, and not all of these wait or none of them for some
-- worker, it is looked at what lies above that worker's own place, again p_most events far.
CREATE FUNCTION iu_core.fn_iu_event_standing(p_most integer DEFAULT 10001)
RETURNS TABLE (worker_code text, event_domain text, event_type text, waiting bigint, oldest_at timestamptz, is_exact boolean, account jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  v_last constant bigint := 9223372036854775807;
  v_audit iu_event_audit;
  v_above bigint;
  v_through bigint;
  v_ids bigint[];
  v_groups jsonb;
  v_part record;
  v_held bigint;
  v_discarded bigint;
  v_is_low_whole boolean;
  v_place record;
  v_end bigint;
  v_known text[] := '{}';
BEGIN
  SELECT * INTO v_audit FROM iu_event_audit;
  v_above := coalesce(v_audit.through_id, 0);
  v_ids := ARRAY(SELECT event_id FROM v_iu_event_unaudited WHERE event_id <= v_above LIMIT p_most);
  v_through := coalesce((SELECT id FROM event_outbox WHERE id > v_above ORDER BY id OFFSET greatest(p_most - 1 - cardinality(v_ids), 0) LIMIT 1), v_last);
  v_groups := (SELECT coalesce(jsonb_agg(j), '[]') FROM fn_iu_event_judged(v_ids, v_above, v_through) AS j);
  v_held := (SELECT count(*) FROM event_outbox WHERE id > v_above AND id <= v_through AND delivery_lane = 'held')
          + (SELECT count(*) FROM event_outbox WHERE id = ANY (v_ids) AND delivery_lane = 'held');
  SELECT coalesce(sum(events), 0) + v_held AS events, coalesce(sum(events) FILTER (WHERE is_attempted), 0) AS attempted, coalesce(sum(releases), 0) AS released,
         coalesce(sum(events) FILTER (WHERE NOT is_attempted AND NOT is_passed), 0) AS waiting,
         coalesce(sum(events) FILTER (WHERE NOT is_attempted AND is_passed IS NOT FALSE), 0) AS unexplained,
         coalesce(array_agg(DISTINCT worker_code) FILTER (WHERE NOT is_attempted AND NOT is_passed), '{}') AS workers
  INTO STRICT v_part FROM jsonb_to_recordset(v_groups) AS g(worker_code text, is_attempted boolean, is_passed boolean, events bigint, releases bigint);

  v_discarded := coalesce(v_audit.discarded, (SELECT count(*) FROM iu_held_decision));
  account := jsonb_build_object(
    'events', coalesce(v_audit.attempted + v_audit.written_held + v_audit.archived, 0) + v_part.events,
    'attempted', coalesce(v_audit.attempted, 0) + v_part.attempted,
    'held', coalesce(v_audit.written_held - v_audit.released, 0) + v_held - v_part.released - v_discarded,
    'released', coalesce(v_audit.released, 0) + v_part.released,
    'discarded', v_discarded,
    'archived', coalesce(v_audit.archived, 0),
    'not_yet_routed', v_part.waiting,
    'unexplained', v_part.unexplained,
    'is_exact', v_part.events < p_most,
    'audited_through', v_above);
  RETURN NEXT;

  IF v_part.events >= p_most THEN
    v_is_low_whole := cardinality(v_ids) < p_most;
    FOR v_place IN
      SELECT p.place, array_agg(p.worker_code) AS workers
      FROM (SELECT c.worker_code,
                   -- Above it lies whatever the worker has not passed; a cursor that is not of this cluster has passed nothing.
                   CASE WHEN c.system_identifier IS DISTINCT FROM fn_iu_system_identifier() OR pg_snapshot_xmin(c.snap_from) > pg_snapshot_xmax(pg_current_snapshot()) THEN v_through
                        WHEN c.snap_to IS NULL THEN greatest(v_through, c.floor_id)
                        ELSE greatest(v_through, c.floor_id, least(c.last_id, c.floor_to_id)) END AS place
            FROM iu_route_worker_cursor AS c) AS p
      WHERE v_part.waiting < p_most OR NOT p.worker_code = ANY (v_part.workers)
      GROUP BY p.place
    LOOP
      -- Below its place a worker has only those of transactions left that it saw running.
      v_ids := ARRAY(
        SELECT e.id
        FROM (SELECT pg_snapshot_xip(c.snap_from) AS xid FROM iu_route_worker_cursor AS c WHERE c.worker_code = ANY (v_place.workers)
              UNION SELECT pg_snapshot_xip(c.snap_to) FROM iu_route_worker_cursor AS c WHERE c.worker_code = ANY (v_place.workers)) AS running
        CROSS JOIN LATERAL (SELECT o.id FROM event_outbox AS o WHERE o.xid = running.xid AND o.id > v_through AND o.id <= v_place.place AND o.delivery_lane <> 'held' OFFSET 0) AS e
        LIMIT p_most);
      v_end := (SELECT id FROM event_outbox WHERE id > v_place.place ORDER BY id OFFSET p_most - 1 LIMIT 1);
      v_groups := v_groups || (SELECT coalesce(jsonb_agg(j), '[]') FROM fn_iu_event_judged(v_ids, v_place.place, coalesce(v_end, v_last)) AS j WHERE j.worker_code = ANY (v_place.workers));
      IF v_end IS NULL AND cardinality(v_ids) < p_most AND v_is_low_whole THEN
        v_known := v_known || v_place.workers;
      END IF;
    END LOOP;
  END IF;

  RETURN QUERY
  SELECT c.worker_code, g.event_domain, g.event_type, coalesce(g.waiting, 0), g.oldest_at, v_part.events < p_most OR c.worker_code = ANY (v_known), NULL::jsonb
  FROM iu_route_worker_cursor AS c
  LEFT JOIN (SELECT x.worker_code, x.event_domain, x.event_type, sum(x.events)::bigint AS waiting, min(x.oldest_at) AS oldest_at
             FROM jsonb_to_recordset(v_groups) AS x(worker_code text, event_domain text, event_type text, is_attempted boolean, is_passed boolean, events bigint, oldest_at timestamptz)
             WHERE NOT x.is_attempted AND NOT x.is_passed GROUP BY x.worker_code, x.event_domain, x.event_type) AS g ON g.worker_code = c.worker_code;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_event_standing(integer) IS 'One row with the account, the accounting identity from the audit and the events that it has not counted; and for each worker what waits for it, by type, one row with 0 where nothing does. Exact unless p_most or more are not counted, when it says so and counts at least';
REVOKE ALL ON FUNCTION iu_core.fn_iu_event_standing(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_event_standing(integer) TO iu_reader;
