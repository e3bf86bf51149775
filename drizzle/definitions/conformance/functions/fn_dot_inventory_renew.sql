-- requires: dot_inventory, iu_core
-- What the units build when they are run beside this database is what they made here; registry rows and objects
-- that commands registered are nobody else's to tell, and stay.
CREATE FUNCTION iu_core.fn_dot_inventory_renew(p_built jsonb)
RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_major constant integer := current_setting('server_version_num')::integer / 10000;
  v_count bigint;
BEGIN
  WITH built AS MATERIALIZED (
    SELECT b ->> 'class' AS class, b ->> 'identity' AS identity, b ->> 'definition' AS definition, b ->> 'facts' AS facts, sha256(convert_to(b ->> 'definition', 'UTF8')) AS digest, nullif(b -> 'switched', 'null') AS switched, b ->> 'registered_by_unit' AS unit
    FROM jsonb_array_elements(p_built) AS b
  ), gone AS (
    DELETE FROM dot_inventory AS i WHERE i.registered_by_unit IS NOT NULL AND NOT EXISTS (SELECT FROM built AS b WHERE (b.class, b.identity) = (i.class, i.identity)) RETURNING 1
  ), kept AS (
    UPDATE dot_inventory AS i SET server_major = v_major WHERE i.registered_by_unit IS NULL AND NOT EXISTS (SELECT FROM built AS b WHERE (b.class, b.identity) = (i.class, i.identity)) RETURNING 1
  ), made AS (
    INSERT INTO dot_inventory AS i (class, identity, definition, facts, digest, switched, server_major, registered_by_unit)
    SELECT class, identity, definition, facts, digest, switched, v_major, unit FROM built
    ON CONFLICT (class, identity) DO UPDATE
    SET definition = excluded.definition, facts = excluded.facts, digest = excluded.digest, server_major = v_major, registered_at = clock_timestamp(), registered_by = 'db:' || session_user
    WHERE i.registered_by_unit IS NOT NULL AND (i.definition IS DISTINCT FROM excluded.definition OR i.digest IS DISTINCT FROM excluded.digest OR i.server_major <> v_major)
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM kept) + (SELECT count(*) FROM made) INTO v_count;
  RETURN v_count;
END
$$;
COMMENT ON FUNCTION iu_core.fn_dot_inventory_renew(jsonb) IS 'Registers anew what the units, built beside this database on this server, make: after a major upgrade, or where it is not known what an object should be; returns how many objects changed';
REVOKE ALL ON FUNCTION iu_core.fn_dot_inventory_renew(jsonb) FROM PUBLIC;
