-- requires: dot_iu_command_run, dot_iu_command_seal, dot_iu_command_unsealed, iu_core
CREATE VIEW iu_core.v_dot_iu_command_run_health AS
SELECT n.runs, n.apply, n.applied, n.refused, n.failed, n.unverified, n.otherwise,
       (SELECT r.finished_at FROM iu_core.dot_iu_command_run AS r ORDER BY r.id DESC LIMIT 1) AS last_run_at,
       (SELECT count(*) FROM (SELECT FROM iu_core.dot_iu_command_unsealed LIMIT 10001) AS u)::integer AS unsealed,
       (SELECT min(r.finished_at) FROM iu_core.dot_iu_command_run AS r WHERE r.id = (SELECT min(u.run_id) FROM iu_core.dot_iu_command_unsealed AS u)) AS oldest_unsealed_at,
       s.seal_no AS head_no, encode(s.chain_digest, 'hex') AS head, s.sealed_at AS last_sealed_at
FROM (SELECT count(*)::integer AS runs, count(*) FILTER (WHERE mode = 'apply')::integer AS apply, count(*) FILTER (WHERE mode = 'apply' AND status = 'succeeded')::integer AS applied,
             count(*) FILTER (WHERE status = 'refused')::integer AS refused, count(*) FILTER (WHERE status = 'failed')::integer AS failed, count(*) FILTER (WHERE status = 'unverified')::integer AS unverified,
             count(*) FILTER (WHERE status = 'succeeded' AND outcome IS NOT NULL)::integer AS otherwise
      FROM (SELECT mode, status, outcome FROM iu_core.dot_iu_command_run ORDER BY id DESC LIMIT 10001) AS newest) AS n
LEFT JOIN (SELECT * FROM iu_core.dot_iu_command_seal ORDER BY seal_no DESC LIMIT 1) AS s ON true;
COMMENT ON VIEW iu_core.v_dot_iu_command_run_health IS 'One row: the runs of the ledger, the newest 10,001 at most, by what became of them, and how far the chain is';
GRANT SELECT ON iu_core.v_dot_iu_command_run_health TO iu_reader;
