-- requires: dot_iu_command_run, dot_iu_disable_route, dot_iu_disable_triggers, dot_iu_enable_route, dot_iu_enable_triggers, iu_core, iu_outbound_route, routes, v_iu_emitting_trigger, v_iu_event_backlog, v_iu_gate, v_iu_held_event
-- A rung blocks where it is not wholly open. For routes and triggers, who and why are the last receipt's.
CREATE VIEW iu_core.v_iu_disable_ladder AS
SELECT 'L0' AS rung, 'iu_core.route_worker_enabled' AS subject, g.state, NOT g.is_open AS blocks, g.reason, g.changed_by, g.changed_at, g.expires_at, NULL::integer AS off, NULL::integer AS total,
       b.waiting AS would_release, 'no worker makes a pass; events are written and wait' AS stops, 'nothing' AS loses
FROM iu_core.v_iu_gate AS g, (SELECT coalesce(sum(pending), 0)::integer AS waiting FROM iu_core.v_iu_event_backlog) AS b WHERE g.gate = 'iu_core.route_worker_enabled'
UNION ALL
SELECT 'L1', g.gate, g.state, NOT g.is_open, g.reason, g.changed_by, g.changed_at, g.expires_at, NULL, NULL, h.held, 'nothing is routed; events are written on lane held', 'nothing: held events are released or discarded by a command'
FROM iu_core.v_iu_gate AS g, (SELECT count(*)::integer AS held FROM (SELECT FROM iu_core.v_iu_held_event LIMIT 10001) AS n) AS h WHERE g.gate = 'iu_core.routes_master_enabled'
UNION ALL
SELECT 'L2', 'routes', CASE WHEN r.off = 0 THEN 'open' WHEN r.off = r.total THEN 'closed' ELSE 'partly' END, r.total > 0 AND r.off = r.total, l.reason, l.actor, l.finished_at, NULL, r.off, r.total, NULL,
       'events of a disabled route are skipped as route_disabled', 'nothing: the skips are on record'
FROM (SELECT count(*)::integer AS total, count(*) FILTER (WHERE NOT enabled)::integer AS off FROM iu_core.iu_outbound_route) AS r
LEFT JOIN LATERAL (SELECT reason, actor, finished_at FROM iu_core.dot_iu_command_run WHERE command_code IN ('dot_iu_disable_route', 'dot_iu_enable_route') AND status = 'succeeded' ORDER BY id DESC LIMIT 1) AS l ON true
UNION ALL
SELECT 'L3', 'triggers', CASE WHEN t.total < 3 THEN 'missing' WHEN t.off = 0 THEN 'open' WHEN t.off = t.total THEN 'closed' ELSE 'partly' END, t.total < 3 OR t.off > 0, l.reason, l.actor, l.finished_at, NULL, t.off, t.total, NULL,
       'the unit family is not emitted: iu.created, iu.version_applied, iu.retired, iu.soft_deleted', 'those events, for good'
FROM (SELECT count(*)::integer AS total, count(*) FILTER (WHERE NOT enabled)::integer AS off FROM iu_core.v_iu_emitting_trigger) AS t
LEFT JOIN LATERAL (SELECT reason, actor, finished_at FROM iu_core.dot_iu_command_run WHERE command_code IN ('dot_iu_disable_triggers', 'dot_iu_enable_triggers') AND status = 'succeeded' ORDER BY id DESC LIMIT 1) AS l ON true;
COMMENT ON VIEW iu_core.v_iu_disable_ladder IS 'The disable ladder L0 to L3: state, who, why, since, what opening would release, what the rung stops and loses';
GRANT SELECT ON iu_core.v_iu_disable_ladder TO iu_reader;
