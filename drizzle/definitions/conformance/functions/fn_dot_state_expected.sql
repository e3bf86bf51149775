-- requires: dot_inventory, dot_iu_command_run, iu_core
-- As it was made, or as the last receipt since then has it.
CREATE FUNCTION iu_core.fn_dot_state_expected()
RETURNS TABLE (class text, identity text, switched jsonb, run_id bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET TimeZone = 'UTC'
AS $$
  SELECT i.class, i.identity,
         CASE WHEN r.after IS NULL THEN i.switched ELSE i.switched || CASE i.class
           WHEN 'trigger' THEN jsonb_build_object('enabled', CASE WHEN (r.after -> 'enabled')::boolean THEN 'O' ELSE 'D' END)
           WHEN 'config' THEN jsonb_build_object('value', CASE r.after ->> 'state' WHEN 'open' THEN 'true' ELSE 'false' END, 'expires_at', (r.after ->> 'expires_at')::timestamptz)
           ELSE jsonb_strip_nulls(jsonb_build_object('enabled', r.after -> 'enabled', 'dry_run', r.after -> 'dry_run')) END END,
         r.id
  FROM dot_inventory AS i
  CROSS JOIN LATERAL (SELECT CASE i.class WHEN 'config' THEN 'gate:' || i.identity WHEN 'trigger' THEN 'trigger:' || split_part(i.identity, ' on ', 1) ELSE i.class || ':' || i.identity END AS ref) AS n
  LEFT JOIN LATERAL (
    SELECT f.id, o -> 'after' AS after
    -- Found by the object's name and not by going back through the ledger.
    FROM (SELECT id, receipt FROM dot_iu_command_run WHERE object_refs @> ARRAY[n.ref] AND status = 'succeeded' AND mode IN ('apply', 'rollback') OFFSET 0) AS f
    CROSS JOIN LATERAL jsonb_array_elements(f.receipt -> 'objects') AS o
    WHERE f.id > i.switched_after_run AND o ->> 'ref' = n.ref AND o -> 'after' ?| '{enabled,state}'
    ORDER BY f.id DESC LIMIT 1
  ) AS r ON true
  WHERE i.switched IS NOT NULL
$$;
COMMENT ON FUNCTION iu_core.fn_dot_state_expected() IS 'The switches as they should be, and the run that last set them (null: none, they are as the unit made them)';
REVOKE ALL ON FUNCTION iu_core.fn_dot_state_expected() FROM PUBLIC;
