-- requires: fn_iu_contract, iu_console_process
CREATE VIEW iu_core.v_iu_console_process AS
SELECT p.process_id, p.host, p.pid, p.contract_unit, p.contract_digest, p.started_at, p.last_seen_at, p.last_seen_at < clock_timestamp() - interval '20 seconds' AS is_stale,
       p.contract_digest IS NOT DISTINCT FROM (SELECT c.contract_digest FROM iu_core.fn_iu_contract() AS c) AS is_in_step
FROM iu_core.iu_console_process AS p;
COMMENT ON VIEW iu_core.v_iu_console_process IS 'Consoles that run, the schema that each was built for, and whether that is the one deployed; one that has been silent for twenty seconds is stale';
GRANT SELECT ON iu_core.v_iu_console_process TO iu_reader;
