-- requires: event_outbox, iu_core, iu_held_decision
CREATE VIEW iu_core.v_iu_held_event AS
SELECT e.id AS event_id, e.event_domain, e.event_type, e.event_subject_table, e.event_subject_ref, e.actor, e.created_at
FROM iu_core.event_outbox AS e
WHERE e.delivery_lane = 'held'
  AND NOT EXISTS (SELECT FROM iu_core.event_outbox AS n WHERE n.released_from = e.id)
  AND NOT EXISTS (SELECT FROM iu_core.iu_held_decision AS h WHERE h.event_id = e.id);
COMMENT ON VIEW iu_core.v_iu_held_event IS 'Events written while the master gate was closed, neither released nor discarded yet';
GRANT SELECT ON iu_core.v_iu_held_event TO iu_reader;
