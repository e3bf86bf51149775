-- requires: event_outbox, iu_core
-- The held row stays as it is; the new one repeats it, key included, on the type's own lane.
CREATE FUNCTION iu_core.fn_iu_held_release(p_event_ids bigint[])
RETURNS SETOF bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  RETURN QUERY
  INSERT INTO event_outbox (event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, actor, released_from)
  SELECT e.event_domain, e.event_type, e.event_subject_table, e.event_subject_ref, e.payload, coalesce(t.delivery_lane, 'delayed'), e.idempotency_key, e.actor, e.id
  FROM event_outbox AS e LEFT JOIN iu_event_type AS t ON t.event_type = e.event_type
  WHERE e.id = ANY (p_event_ids) AND e.delivery_lane = 'held'
    AND NOT EXISTS (SELECT FROM iu_held_decision AS h WHERE h.event_id = e.id)
  ORDER BY e.id
  ON CONFLICT (released_from) WHERE released_from IS NOT NULL DO NOTHING
  RETURNING released_from;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_held_release(bigint[]) IS 'Releases held events, in the order of their writing; returns those that it released. IU001 while the master gate is closed';
REVOKE ALL ON FUNCTION iu_core.fn_iu_held_release(bigint[]) FROM PUBLIC;
