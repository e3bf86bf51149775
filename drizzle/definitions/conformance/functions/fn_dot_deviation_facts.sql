-- requires: dot_deviation_decision, iu_core
-- What stands in the table, whether or not the ledger has its run: a withdrawal ends that too.
CREATE FUNCTION iu_core.fn_dot_deviation_facts(p_class text, p_identity text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
AS $$
  SELECT coalesce((
    SELECT CASE WHEN d.expires_at > clock_timestamp() THEN jsonb_build_object('state', 'accepted', 'sha256', d.digest, 'owner', d.owner, 'expires_at', d.expires_at) END
    FROM dot_deviation_decision AS d WHERE (d.class, d.identity) = (p_class, p_identity) ORDER BY d.id DESC LIMIT 1), '{"state": "drift"}')
$$;
COMMENT ON FUNCTION iu_core.fn_dot_deviation_facts(text, text) IS 'How a deviation of an object stands, as receipts tell it: accepted with its digest, owner and end, or drift';
REVOKE ALL ON FUNCTION iu_core.fn_dot_deviation_facts(text, text) FROM PUBLIC;
