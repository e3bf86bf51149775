-- requires: fn_iu_target_told, iu_outbound_route, iu_event_type
CREATE VIEW iu_core.v_iu_outbound_route AS
SELECT r.id AS route_id, r.route_code, r.event_type, t.event_domain, r.target_kind, iu_core.fn_iu_target_told(r.target_kind COLLATE "default", r.target_ref) AS target_ref, r.enabled, r.dry_run,
       encode(r.definition_digest, 'hex') AS definition_digest
FROM iu_core.iu_outbound_route AS r JOIN iu_core.iu_event_type AS t ON t.event_type = r.event_type;
COMMENT ON VIEW iu_core.v_iu_outbound_route IS 'Every route with its switches';
GRANT SELECT ON iu_core.v_iu_outbound_route TO iu_reader;
