-- requires: dot_deviation_decision, dot_iu_command_run, iu_core
-- A row that was written by hand accepts nothing: the ledger must have the run that wrote it, with the same digest and the same end.
-- Where its table is gone, or belongs to somebody else, nothing is accepted.
CREATE FUNCTION iu_core.fn_dot_accepted()
RETURNS TABLE (decision_id bigint, class text, identity text, digest text, owner text, reason text, accepted_by text, accepted_at timestamptz, expires_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
AS $$
BEGIN
  IF has_table_privilege(to_regclass('iu_core.dot_deviation_decision'), 'SELECT') THEN
    RETURN QUERY
    SELECT d.id, d.class, d.identity, d.digest, d.owner, d.reason, d.decided_by, d.decided_at, d.expires_at
    FROM dot_deviation_decision AS d
    WHERE d.expires_at > clock_timestamp()
      AND NOT EXISTS (SELECT FROM dot_deviation_decision AS l WHERE (l.class, l.identity) = (d.class, d.identity) AND l.id > d.id)
      AND EXISTS (
        SELECT FROM (SELECT r.receipt FROM dot_iu_command_run AS r
                     WHERE r.object_refs @> ARRAY[format('deviation:%s %s', d.class, d.identity)] AND r.status = 'succeeded' AND r.mode IN ('apply', 'rollback') OFFSET 0) AS r
        CROSS JOIN LATERAL jsonb_array_elements(r.receipt -> 'objects') AS o
        WHERE o -> 'after' ->> 'state' = 'accepted' AND o -> 'after' ->> 'sha256' = d.digest AND (o -> 'after' ->> 'expires_at')::timestamptz = d.expires_at);
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_accepted() IS 'The acceptances that hold now: the newest decision on each object, not withdrawn, not expired, and with its run in the ledger';
REVOKE ALL ON FUNCTION iu_core.fn_dot_accepted() FROM PUBLIC;
