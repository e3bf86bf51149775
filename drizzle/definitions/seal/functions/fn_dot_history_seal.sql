-- requires: dot_iu_history_unsealed, event_outbox, fn_dot_history_write, fn_iu_newest_xid, fn_iu_snapshot_fenced
CREATE FUNCTION iu_core.fn_dot_history_seal(p_limit integer DEFAULT 5000)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_state dot_iu_history_state;
  v_floor bigint;
  v_newest xid8;
  v_now pg_snapshot;
  v_at timestamptz;
  v_group record;
  v_page record;
  v_sealed integer := 0;
BEGIN
  IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 100000 THEN
    RAISE EXCEPTION 'limit: % is not between 1 and 100000', coalesce(p_limit::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'limit';
  ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'sealing needs READ COMMITTED, not %', upper(current_setting('transaction_isolation')) USING ERRCODE = 'IU011', HINT = 'Its snapshot must be taken after its lock.';
  END IF;
  SELECT * INTO v_state FROM dot_iu_history_state;
  -- A state that is gone is not made anew: that would take what is left of the chain for all there was. Verifying tells it.
  IF NOT FOUND THEN
    RETURN 0;
  ELSIF v_state.snap_to IS NULL AND v_state.system_identifier = fn_iu_system_identifier()
     AND v_state.floor_id >= coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0) AND NOT EXISTS (SELECT FROM dot_iu_history_unsealed)
     AND NOT EXISTS (SELECT FROM pg_snapshot_xip(v_state.snap_from) AS x WHERE pg_visible_in_snapshot(x, pg_current_snapshot())
                     AND (EXISTS (SELECT FROM event_outbox AS e WHERE e.xid = x AND e.delivery_lane <> 'held') OR EXISTS (SELECT FROM event_outbox AS e WHERE e.xid = x AND e.delivery_lane = 'held'))) THEN
    RETURN 0;
  -- One sealer at a time; another has nothing to wait for.
  ELSIF NOT pg_try_advisory_xact_lock(hashtext('iu_core.ledger_seal')) THEN
    RETURN 0;
  END IF;
  FOR v_group IN
    WITH next AS (
      SELECT u.id FROM (SELECT n.id, sum(n.size) OVER (ORDER BY n.id) - n.size AS before
                        FROM (SELECT q.id, coalesce(cardinality(q.row_keys), cardinality(q.event_ids)) AS size FROM dot_iu_history_unsealed AS q ORDER BY q.id LIMIT 1000) AS n) AS u
      WHERE u.before < p_limit
    ), taken AS (
      DELETE FROM dot_iu_history_unsealed AS q USING next WHERE q.id = next.id RETURNING q.*
    )
    SELECT t.what, t.is_again,
           (SELECT array_agg(k) FROM taken AS x CROSS JOIN LATERAL unnest(x.row_keys) AS k WHERE (x.what, x.is_again) = (t.what, t.is_again)) AS row_keys,
           (SELECT array_agg(i ORDER BY i) FROM taken AS x CROSS JOIN LATERAL unnest(x.event_ids) AS i WHERE (x.what, x.is_again) = (t.what, t.is_again)) AS event_ids
    FROM taken AS t GROUP BY t.what, t.is_again ORDER BY t.is_again, t.what
  LOOP
    IF v_group.row_keys IS NOT NULL THEN
      v_sealed := v_sealed + fn_dot_history_write(v_group.what, v_group.row_keys, NULL, NULL, v_group.is_again);
    END IF;
    IF v_group.event_ids IS NOT NULL THEN
      v_sealed := v_sealed + fn_dot_history_write(v_group.what, NULL, v_group.event_ids, NULL, v_group.is_again);
    END IF;
    IF v_group.what = 'attempts' THEN
      -- A letter is made with the attempt that failed; one that failed again is there, and sealed.
      v_sealed := v_sealed + fn_dot_history_write('dead_letters', NULL, ARRAY(SELECT split_part(k, '/', 1)::bigint FROM unnest(v_group.row_keys) AS k UNION SELECT unnest(v_group.event_ids)), NULL, true);
    END IF;
  END LOOP;

  SELECT * INTO STRICT v_state FROM dot_iu_history_state;
  -- In this order, as a pass has it: the floor, the newest transaction, the snapshot.
  v_at := clock_timestamp();
  v_floor := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
  v_newest := fn_iu_newest_xid(pg_current_xact_id());
  v_now := fn_iu_snapshot_fenced(pg_current_snapshot(), pg_current_xact_id(), v_newest);
  IF v_state.system_identifier IS DISTINCT FROM fn_iu_system_identifier() OR pg_snapshot_xmin(v_state.snap_from) > pg_snapshot_xmax(v_now) THEN
    -- The first time, or in another cluster: every event is read, whatever its transaction id.
    v_state.system_identifier := fn_iu_system_identifier();
    v_state.snap_from := '1:1:'; v_state.floor_id := 0; v_state.began_at := NULL;
    v_state.snap_to := v_now; v_state.floor_to_id := v_floor; v_state.trusted_id := v_floor; v_state.last_id := 0; v_state.next_at := v_at;
    v_state.again_id := CASE WHEN EXISTS (SELECT FROM dot_iu_history_block WHERE what = 'events') THEN v_floor ELSE 0 END;
  ELSIF v_state.snap_to IS NULL THEN
    v_state.snap_to := v_now; v_state.floor_to_id := v_floor; v_state.trusted_id := 0; v_state.last_id := 0; v_state.next_at := v_at;
  END IF;
  WITH page AS (
    SELECT p.id, p.is_late FROM (
      (SELECT e.id, false AS is_late FROM event_outbox AS e
       WHERE e.id > greatest(v_state.last_id, v_state.floor_id) AND e.xid >= pg_snapshot_xmax(v_state.snap_from)
         AND CASE WHEN e.id <= v_state.trusted_id THEN e.xid <> ALL (ARRAY(SELECT pg_snapshot_xip(v_state.snap_to))) ELSE pg_visible_in_snapshot(e.xid, v_state.snap_to) END
       ORDER BY e.id LIMIT p_limit)
      UNION ALL
      (SELECT l.id, true FROM pg_snapshot_xip(v_state.snap_from) AS x
       CROSS JOIN LATERAL (SELECT e.id FROM event_outbox AS e WHERE e.xid = x AND e.delivery_lane <> 'held' AND e.id > v_state.last_id
                           UNION ALL SELECT e.id FROM event_outbox AS e WHERE e.xid = x AND e.delivery_lane = 'held' AND e.id > v_state.last_id OFFSET 0) AS l
       WHERE pg_visible_in_snapshot(x, v_state.snap_to) ORDER BY l.id LIMIT p_limit)) AS p
    ORDER BY p.id LIMIT p_limit
  )
  SELECT count(*) AS seen, max(id) AS last_id, coalesce(array_agg(id ORDER BY id) FILTER (WHERE NOT is_late), '{}') AS ids, coalesce(array_agg(id ORDER BY id) FILTER (WHERE is_late), '{}') AS late
  INTO STRICT v_page FROM page;
  v_sealed := v_sealed + fn_dot_history_write('events', NULL, v_page.ids, v_state.began_at, v_page.ids[1] <= v_state.again_id)
                       + fn_dot_history_write('events', NULL, v_page.late, NULL, v_page.late[1] <= v_state.again_id);
  IF v_page.seen < p_limit THEN
    v_state.snap_from := v_state.snap_to; v_state.floor_id := v_state.floor_to_id; v_state.began_at := v_state.next_at;
    v_state.snap_to := NULL; v_state.trusted_id := 0; v_state.last_id := 0; v_state.next_at := NULL;
  ELSE
    v_state.last_id := v_page.last_id;
  END IF;
  UPDATE dot_iu_history_state AS s
  SET system_identifier = v_state.system_identifier, snap_from = v_state.snap_from, floor_id = v_state.floor_id, began_at = v_state.began_at, snap_to = v_state.snap_to,
      floor_to_id = v_state.floor_to_id, trusted_id = v_state.trusted_id, last_id = v_state.last_id, next_at = v_state.next_at, again_id = greatest(s.again_id, v_state.again_id);
  RETURN v_sealed;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_history_seal(integer) IS 'One step of sealing the history (fn_dot_history_kinds) into the ledger''s chain: about p_limit rows at most; how many, 0 when there is none or another is sealing. In the caller''s transaction, which must be READ COMMITTED. IU002 bad limit, IU011 wrong isolation level';
REVOKE ALL ON FUNCTION iu_core.fn_dot_history_seal(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_dot_history_seal(integer) TO iu_console, iu_worker, iu_operator, iu_approver;
