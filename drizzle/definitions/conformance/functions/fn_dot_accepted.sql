-- requires: dot_deviation_decision, dot_iu_command_run, fn_dot_text_kept, iu_core
-- A row that was written by hand accepts nothing: the newest run on its object in the ledger must be the one that accepted it, with
-- the same digest, owner and end; who accepted it, and why, is read there.
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
    SELECT d.id, d.class, d.identity, d.digest, d.owner, r.reason, r.actor, r.finished_at, d.expires_at
    FROM dot_deviation_decision AS d
    CROSS JOIN LATERAL (
      SELECT w.* FROM dot_iu_command_run AS w
      WHERE w.object_refs @> ARRAY[format('deviation:%s %s', d.class, d.identity)] AND w.status = 'succeeded' AND w.mode IN ('apply', 'rollback')
      ORDER BY w.id DESC LIMIT 1) AS r
    CROSS JOIN LATERAL (SELECT o -> 'after' AS after FROM jsonb_array_elements(r.receipt -> 'objects') AS o WHERE o ->> 'ref' = format('deviation:%s %s', d.class, d.identity)) AS t
    WHERE d.expires_at > clock_timestamp()
      AND NOT EXISTS (SELECT FROM dot_deviation_decision AS l WHERE (l.class, l.identity) = (d.class, d.identity) AND l.id > d.id)
      AND t.after ->> 'state' = 'accepted' AND t.after ->> 'sha256' = d.digest AND t.after -> 'owner' = fn_dot_text_kept(to_jsonb(d.owner)) AND (t.after ->> 'expires_at')::timestamptz = d.expires_at;
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_accepted() IS 'The acceptances that hold now: the newest decision on each object, not withdrawn, not expired, and with its run in the ledger';
REVOKE ALL ON FUNCTION iu_core.fn_dot_accepted() FROM PUBLIC;
