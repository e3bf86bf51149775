-- requires: iu_replay_job, v_iu_gate
CREATE VIEW iu_core.v_iu_replay_job AS
SELECT j.id AS job_id, j.what, j.filter, j.total, j.per_second, j.status, j.done, j.replayed, j.failed_again, j.left_alone,
       j.started_at, j.started_by, j.stopped_at, j.stopped_by, j.last_batch_at, j.finished_at,
       CASE WHEN j.status = 'running' THEN (
         SELECT g.gate FROM iu_core.v_iu_gate AS g
         WHERE g.gate IN ('iu_core.operator_runtime_enabled', 'iu_core.route_worker_enabled', 'iu_core.routes_master_enabled') AND NOT g.is_open ORDER BY g.gate LIMIT 1) END AS waits_for
FROM iu_core.iu_replay_job AS j;
COMMENT ON VIEW iu_core.v_iu_replay_job IS 'Every replay in the background with its progress, and the gate that it waits for';
GRANT SELECT ON iu_core.v_iu_replay_job TO iu_reader;
