-- requires: iu_core, iu_lock
CREATE FUNCTION iu_core.fn_iu_lock(p_name text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET lock_timeout = '10s'
AS $$
DECLARE
  v_digest constant bytea := sha256(convert_to(p_name, 'UTF8'));
BEGIN
  INSERT INTO iu_lock (name_digest) VALUES (v_digest);
  DELETE FROM iu_lock WHERE name_digest = v_digest;
EXCEPTION WHEN lock_not_available THEN
  RAISE EXCEPTION 'another command is at work on the same (%)', p_name
    USING ERRCODE = '55P03', DETAIL = coalesce((
            SELECT 'At work: ' || string_agg(format('%s, process %s, since %s', a.usename, a.pid, to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')), '; ' ORDER BY a.xact_start)
            FROM pg_stat_activity AS a WHERE a.pid <> pg_backend_pid() AND EXISTS (
              SELECT FROM pg_locks AS l WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.relation = 'iu_core.iu_lock'::regclass AND l.mode = 'RowExclusiveLock' AND l.granted)), 'It has ended by now.'),
          HINT = 'Try again. Where it stays so, end that process: SELECT pg_terminate_backend(PROCESS).';
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_lock(text) IS 'Waits until no other transaction has this name, and keeps it until the end of its own; 55P03 after ten seconds, with who is at work';
REVOKE ALL ON FUNCTION iu_core.fn_iu_lock(text) FROM PUBLIC;
