-- requires: iu_route_attempt, event_outbox
CREATE FUNCTION iu_core.fn_iu_probe_outcomes(p_after bigint)
RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT coalesce(jsonb_object_agg(outcome, n), '{}')
  FROM (SELECT coalesce(a.failure_code, a.status) AS outcome, count(*) AS n
        FROM event_outbox AS e JOIN iu_route_attempt AS a ON a.event_id = e.id
        WHERE e.id > p_after AND e.xid = pg_current_xact_id_if_assigned() GROUP BY 1) AS counted
$$;
COMMENT ON FUNCTION iu_core.fn_iu_probe_outcomes(bigint) IS 'What became of the caller''s own events with ids above p_after: attempts by outcome';
REVOKE ALL ON FUNCTION iu_core.fn_iu_probe_outcomes(bigint) FROM PUBLIC;
