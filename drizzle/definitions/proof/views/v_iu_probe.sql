-- requires: dot_iu_command_run, fn_iu_probe_left
-- The last probe as the ledger has it, and what is left of it now.
CREATE VIEW iu_core.v_iu_probe AS
SELECT r.id AS run_id, r.actor, r.finished_at, (r.receipt -> 'result' -> 'passed')::integer AS passed, (r.receipt -> 'result' -> 'ms')::double precision AS ms,
       jsonb_path_query_array(r.receipt, '$.checks[*] ? (@.kind == "probe")') AS scenarios,
       (SELECT jsonb_agg(jsonb_build_object('relation', l.relation, 'rows', l.left_rows) ORDER BY l.relation)
        FROM iu_core.fn_iu_probe_left(jsonb_path_query_first(r.receipt, '$.checks[*] ? (@.kind == "probe_left").drawn')) AS l) AS leftovers
FROM iu_core.dot_iu_command_run AS r
WHERE r.command_code = 'dot_iu_run_probe' AND r.mode = 'apply' AND r.status = 'succeeded'
ORDER BY r.id DESC LIMIT 1;
COMMENT ON VIEW iu_core.v_iu_probe IS 'The last probe: what each scenario found, and how many rows with its marker there are now, table by table';
GRANT SELECT ON iu_core.v_iu_probe TO iu_reader;
