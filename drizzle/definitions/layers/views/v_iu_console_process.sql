-- requires: iu_console_process
CREATE VIEW iu_core.v_iu_console_process AS
SELECT process_id, host, pid, contract_unit, contract_digest, started_at, last_seen_at, last_seen_at < clock_timestamp() - interval '20 seconds' AS is_stale
FROM iu_core.iu_console_process;
COMMENT ON VIEW iu_core.v_iu_console_process IS 'Consoles that run, and the schema that each was built for; one that has been silent for twenty seconds is stale';
GRANT SELECT ON iu_core.v_iu_console_process TO iu_reader;
