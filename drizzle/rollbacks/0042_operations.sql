SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_worker_beat(p_process_id uuid, p_kind text, p_worker_code text, p_host text, p_pid integer, p_status text, p_events_seen bigint)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  UPDATE iu_worker_process SET status = p_status, events_seen = p_events_seen, last_seen_at = clock_timestamp()
  WHERE process_id = p_process_id AND run_by = session_user;
  IF NOT FOUND THEN
    -- Who comes tidies up after those that did not end in order: a day is long enough to see that they died.
    DELETE FROM iu_worker_process WHERE last_seen_at < clock_timestamp() - interval '1 day';
    INSERT INTO iu_worker_process (process_id, kind, worker_code, host, pid, status, events_seen)
    VALUES (p_process_id, p_kind, p_worker_code, left(p_host, 255), p_pid, p_status, p_events_seen);
  END IF;
END
$function$;
ALTER FUNCTION fn_iu_worker_beat(uuid,text,text,text,integer,text,bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_worker_beat(uuid,text,text,text,integer,text,bigint) IS 'Says that a process that runs passes is alive, and how its last pass ended; whoever is new removes rows that have been silent for a day';
GRANT EXECUTE ON FUNCTION fn_iu_worker_beat(uuid,text,text,text,integer,text,bigint) TO iu_worker;
REVOKE ALL ON FUNCTION fn_iu_worker_beat(uuid,text,text,text,integer,text,bigint) FROM PUBLIC;
DROP VIEW iu_core.v_iu_worker_process;
CREATE VIEW iu_core.v_iu_worker_process AS
 SELECT process_id,
    kind,
    worker_code,
    host,
    pid,
    status,
    events_seen,
    run_by,
    started_at,
    last_seen_at,
    (last_seen_at < (clock_timestamp() - '00:00:20'::interval)) AS is_stale
   FROM iu_worker_process;
ALTER VIEW v_iu_worker_process OWNER TO iu_owner;
COMMENT ON VIEW v_iu_worker_process IS 'Processes that run passes; one that has been silent for twenty seconds is stale: it died, or cannot reach the database';
GRANT SELECT ON v_iu_worker_process TO iu_reader;
DROP FUNCTION iu_core.fn_iu_worker_beat(uuid,text,text,text,integer,text,bigint,text);
ALTER TABLE iu_core.iu_worker_process DROP COLUMN fault;
