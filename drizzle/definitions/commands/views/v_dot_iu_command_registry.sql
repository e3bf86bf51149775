-- requires: dot_iu_command, dot_iu_command_run, gates, iu_core
CREATE VIEW iu_core.v_dot_iu_command_registry AS
SELECT c.command_code, c.area, c.tier, c.required_right, c.gates, c.reason_required, c.confirm_param, c.param_schema, c.description,
       r.planned, r.succeeded, r.refused, r.failed, r.undone, r.last_run_id, l.finished_at AS last_run_at, l.actor AS last_actor, coalesce(l.outcome, l.status) AS last_status, r.otherwise
FROM iu_core.dot_iu_command AS c
CROSS JOIN LATERAL (
  -- The newest ten thousand of a command: what is older is counted as "more".
  SELECT count(*) FILTER (WHERE n.status = 'planned')::integer AS planned,
         count(*) FILTER (WHERE n.status = 'succeeded' AND n.mode = 'apply' AND n.outcome IS NULL)::integer AS succeeded,
         count(*) FILTER (WHERE n.status = 'succeeded' AND n.mode = 'apply' AND n.outcome IS NOT NULL)::integer AS otherwise,
         count(*) FILTER (WHERE n.status = 'refused')::integer AS refused,
         count(*) FILTER (WHERE n.status = 'failed')::integer AS failed,
         count(*) FILTER (WHERE n.status = 'succeeded' AND n.mode = 'rollback')::integer AS undone,
         max(n.id) AS last_run_id
  FROM (SELECT id, status, mode, outcome FROM iu_core.dot_iu_command_run WHERE command_code = c.command_code ORDER BY id DESC LIMIT 10000) AS n
) AS r
LEFT JOIN iu_core.dot_iu_command_run AS l ON l.id = r.last_run_id;
COMMENT ON VIEW iu_core.v_dot_iu_command_registry IS 'Every command with what became of its newest ten thousand runs';
GRANT SELECT ON iu_core.v_dot_iu_command_registry TO iu_reader;
