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
