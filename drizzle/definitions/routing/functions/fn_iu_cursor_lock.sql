-- requires: iu_route_worker_cursor
-- Whoever changes which cursors there are goes first by a lock of its own, so that none of them goes away
-- while another waits for it; then the locks that passes hold. A pass takes milliseconds: who waits longer
-- is told so (55P03) and has held up nobody.
CREATE FUNCTION iu_core.fn_iu_cursor_lock(VARIADIC p_worker_codes text[])
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
  v_missing text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), 0);
  SELECT asked INTO v_missing FROM unnest(p_worker_codes) AS asked WHERE NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c WHERE c.worker_code = asked) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'worker_code: % has no cursor', coalesce(v_missing, 'null') USING ERRCODE = 'IU003', COLUMN = 'worker_code';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_route_worker_cursor'), c.lock_no)
  FROM (SELECT lock_no FROM iu_route_worker_cursor WHERE worker_code = ANY (p_worker_codes) ORDER BY lock_no) AS c;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_cursor_lock(text[]) IS 'Keeps passes off these cursors until the end of the transaction, waiting at most two seconds for one under way (55P03). IU003 unknown worker';
REVOKE ALL ON FUNCTION iu_core.fn_iu_cursor_lock(text[]) FROM PUBLIC;
