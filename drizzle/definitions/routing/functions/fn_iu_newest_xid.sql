-- For a caller that has an id of its own already. Its id says nothing of those that began later; but each
-- of them holds the lock on its id before it can draw an event id, and until it has finished.
CREATE FUNCTION iu_core.fn_iu_newest_xid(p_own xid8)
RETURNS xid8
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  -- Locks show the lower 32 bits; none that runs is 2^31 away.
  SELECT (p_own::text::numeric + coalesce(max(ahead) FILTER (WHERE ahead < 2147483648), 0))::text::xid8
  FROM (SELECT mod(transactionid::text::numeric - p_own::text::numeric % 4294967296 + 4294967296, 4294967296) AS ahead
        FROM pg_locks WHERE locktype = 'transactionid') AS running
$$;
COMMENT ON FUNCTION iu_core.fn_iu_newest_xid(xid8) IS 'The newest transaction that is running, the caller''s own at least';
REVOKE ALL ON FUNCTION iu_core.fn_iu_newest_xid(xid8) FROM PUBLIC;
