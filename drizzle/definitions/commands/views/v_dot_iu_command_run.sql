-- requires: dot_iu_command_run, dot_iu_command_seal, iu_core
CREATE VIEW iu_core.v_dot_iu_command_run AS
SELECT r.id AS run_id, r.command_code, r.mode, r.status, r.code, r.actor, r.actor_kind, r.reason, r.params, r.object_refs, r.event_count, r.event_from, r.event_to,
       encode(r.plan_digest, 'hex') AS plan_digest, r.plan_run_id, r.target_run_id, r.idempotency_key, r.receipt, r.started_at, r.finished_at,
       extract(epoch FROM r.finished_at - r.started_at) * 1000 AS duration_ms,
       v.status AS verify_status, v.id AS verify_run_id, u.id AS undone_by_run_id, s.seal_no, r.outcome
FROM iu_core.dot_iu_command_run AS r
LEFT JOIN LATERAL (SELECT w.id, w.status FROM iu_core.dot_iu_command_run AS w WHERE w.target_run_id = r.id AND w.mode = 'verify' AND w.status IN ('verified', 'unverified') ORDER BY w.id DESC LIMIT 1) AS v ON true
LEFT JOIN iu_core.dot_iu_command_run AS u ON u.target_run_id = r.id AND u.mode = 'rollback' AND u.status = 'succeeded'
LEFT JOIN iu_core.dot_iu_command_seal AS s ON s.run_id = r.id;
COMMENT ON VIEW iu_core.v_dot_iu_command_run IS 'The ledger, with each run''s latest verification, what undid it, and its link in the chain';
GRANT SELECT ON iu_core.v_dot_iu_command_run TO iu_reader;
