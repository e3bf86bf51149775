-- requires: dot_inventory, dot_iu_command_run, fn_dot_catalogue, fn_dot_state, fn_iu_actor, iu_core
-- Only what has changed since p_before is registered: what had drifted before, and was not touched, goes on
-- being drift. What had drifted and was touched by a unit may be half the one and half the other, so that nobody
-- knows any more what it should be; a deploy that builds the units anew tells. A command sets the whole of a row, but
-- for the switches of one that is known, and gives no before.
CREATE FUNCTION iu_core.fn_dot_inventory_register(p_unit text, p_before jsonb, p_class text DEFAULT NULL, p_identity text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_last_run constant bigint := (SELECT coalesce(max(id), 0) FROM dot_iu_command_run);
  v_count bigint;
BEGIN
  WITH before AS (
    SELECT b ->> 0 AS class, b ->> 1 AS identity, decode(b ->> 2, 'hex') AS digest, nullif(b -> 3, 'null') AS switched FROM jsonb_array_elements(coalesce(p_before, '[]')) AS b
  ), now AS (
    SELECT c.class, c.identity, c.definition, c.facts, sha256(convert_to(c.definition, 'UTF8')) AS digest, s.switched
    FROM fn_dot_catalogue(CASE WHEN p_class IS NOT NULL THEN ARRAY[p_class] END) AS c LEFT JOIN fn_dot_state() AS s ON s.class = c.class AND s.identity = c.identity
    WHERE p_class IS NULL OR (c.class, c.identity) = (p_class, p_identity)
  ), touched AS MATERIALIZED (
    SELECT class, identity, n.digest IS NULL AS is_gone, n.switched, p_unit IS NOT NULL AND b.switched IS DISTINCT FROM n.switched AS is_switched,
           CASE WHEN is_known THEN n.definition END AS definition, CASE WHEN is_known THEN n.facts END AS facts, CASE WHEN is_known THEN n.digest END AS digest
    FROM before AS b FULL JOIN now AS n USING (class, identity) LEFT JOIN dot_inventory AS i USING (class, identity)
    CROSS JOIN LATERAL (SELECT p_before IS NULL OR p_unit IS NULL OR b.digest IS NOT DISTINCT FROM i.digest) AS k(is_known)
    WHERE b.digest IS DISTINCT FROM n.digest OR b.switched IS DISTINCT FROM n.switched
  ), gone AS (
    DELETE FROM dot_inventory AS i USING touched AS t WHERE t.is_gone AND (i.class, i.identity) = (t.class, t.identity) RETURNING 1
  ), made AS (
    INSERT INTO dot_inventory AS i (class, identity, definition, facts, digest, switched, switched_after_run, server_major, registered_by_unit, registered_by)
    SELECT class, identity, definition, facts, digest, switched, v_last_run, current_setting('server_version_num')::integer / 10000, p_unit, fn_iu_actor() FROM touched WHERE NOT is_gone
    ON CONFLICT (class, identity) DO UPDATE
    SET definition = excluded.definition, facts = excluded.facts, digest = excluded.digest, server_major = excluded.server_major, registered_by_unit = excluded.registered_by_unit,
        registered_at = clock_timestamp(), registered_by = excluded.registered_by,
        -- A definition that changes leaves its switches as they are.
        (switched, switched_after_run) = (SELECT CASE WHEN t.is_switched THEN t.switched ELSE i.switched END, CASE WHEN t.is_switched THEN v_last_run ELSE i.switched_after_run END
                                          FROM touched AS t WHERE (t.class, t.identity) = (i.class, i.identity))
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM made) INTO v_count;
  RETURN v_count;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_inventory_register(text, jsonb, text, text) IS 'Registers what a unit (null: a command) has made, changed or dropped since p_before (fn_dot_fingerprints; null: everything there is), of everything or of the one object named; returns how many objects';
REVOKE ALL ON FUNCTION iu_core.fn_dot_inventory_register(text, jsonb, text, text) FROM PUBLIC;
