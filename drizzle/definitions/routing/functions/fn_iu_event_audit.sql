-- requires: dot_iu_history_unsealed, fn_iu_attempt_block_count, fn_iu_event_audit_restart, fn_iu_newest_xid, fn_iu_snapshot_fenced, v_iu_event_claim
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
  -- Where hardly one more can be remembered, a look at a few will do. What a late transaction left is remembered
  -- whole, and may be more than that.
  v_limit := greatest(1, least(p_limit, 1000 + 100 * (SELECT v_most_open - count(*) FROM iu_event_audit_open)));
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
    SELECT l.xid, l.through_id, l.foreign_ids FROM iu_event_audit_late AS l WHERE pg_visible_in_snapshot(l.xid, pg_current_snapshot()) AND l.xid IS DISTINCT FROM v_own
  ), found AS (
    SELECT 'next' AS part, next.* FROM next
    UNION ALL
    SELECT 'late', e.* FROM finished AS f CROSS JOIN LATERAL (
      SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.xid = f.xid AND e.id <= f.through_id AND e.delivery_lane <> 'held'
      UNION ALL
      SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.xid = f.xid AND e.id <= f.through_id AND e.delivery_lane = 'held'
      OFFSET 0) AS e WHERE e.id <> ALL (f.foreign_ids)
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
  SELECT r.id AS through_id,
         -- Of one snapshot with what is counted: what is seen of a transaction that runs is not its own.
         (SELECT coalesce(jsonb_agg(jsonb_build_array(x::text, ARRAY(SELECT e.id FROM event_outbox AS e WHERE e.xid = x AND e.id <= r.id))), '[]')
          FROM pg_snapshot_xip(fn_iu_snapshot_fenced(pg_current_snapshot(), coalesce(v_own, v_newest), v_newest)) AS x WHERE x <> coalesce(v_own, v_newest)) AS running,
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
  DELETE FROM iu_event_audit_late WHERE xid = ANY (v_page.finished);
  INSERT INTO iu_event_audit_late (xid, through_id, foreign_ids)
  SELECT (r ->> 0)::xid8, v_page.through_id, ARRAY(SELECT i::bigint FROM jsonb_array_elements_text(r -> 1) AS i) FROM jsonb_array_elements(v_page.running) AS r
  WHERE v_page.through_id > v_audit.through_id
  ON CONFLICT (xid) DO UPDATE SET through_id = excluded.through_id, foreign_ids = excluded.foreign_ids;
  DELETE FROM iu_event_audit_open WHERE event_id = ANY (v_page.closed);
  INSERT INTO iu_event_audit_open (event_id) SELECT unnest(v_page.opened);
  PERFORM fn_iu_attempt_block_count(v_page.attempted, 1);
  -- What is counted once is sealed once.
  INSERT INTO dot_iu_history_unsealed (what, event_ids, is_again)
  SELECT 'attempts', v_page.attempted, v_page.attempted[1] <= coalesce((SELECT again_id FROM dot_iu_history_state), 0) WHERE cardinality(v_page.attempted) > 0;
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
