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
) AS late WHERE late.id <> ALL (l.foreign_ids);
COMMENT ON VIEW iu_core.v_iu_event_unaudited IS 'The events that the audit has not counted';
