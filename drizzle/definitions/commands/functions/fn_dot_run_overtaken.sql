-- requires: dot_iu_command_run, fn_dot_object_fields
-- An undo puts back what its run changed, and nobody else's work. A later run is in its way when it changed a field
-- of the same object, or touched an object that the run made. A run and its undoing cancel each other out.
-- Collections count by their own revision, where a command asks for one: others work in them all the time.
CREATE FUNCTION iu_core.fn_dot_run_overtaken(p_run iu_core.dot_iu_command_run)
RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, iu_core, pg_temp
SET gin_fuzzy_search_limit = 0
AS $$
  WITH RECURSIVE mine AS MATERIALIZED (
    SELECT o ->> 'ref' AS ref, o ->> 'change' = 'create' AS is_made, fn_dot_object_fields(o) AS fields
    FROM jsonb_array_elements(p_run.receipt -> 'objects') AS o WHERE NOT starts_with(o ->> 'ref', 'collection:')
  ), chain AS (
    SELECT r.id, r.id AS link, r.mode, r.target_run_id
    FROM dot_iu_command_run AS r
    WHERE r.object_refs && ARRAY(SELECT ref FROM mine) AND r.id > p_run.id AND r.status = 'succeeded' AND r.mode IN ('apply', 'rollback')
      AND EXISTS (SELECT FROM mine AS m WHERE m.ref = ANY (r.object_refs) AND (m.is_made OR EXISTS (
            SELECT FROM jsonb_array_elements(r.receipt -> 'objects') AS o WHERE o ->> 'ref' = m.ref AND fn_dot_object_fields(o) && m.fields)))
    UNION ALL
    SELECT c.id, t.id, t.mode, t.target_run_id FROM chain AS c JOIN dot_iu_command_run AS t ON t.id = c.target_run_id WHERE c.mode = 'rollback'
  )
  SELECT max(id) FROM chain WHERE mode = 'apply' GROUP BY link HAVING count(*) % 2 = 1 ORDER BY 1 DESC LIMIT 1
$$;
COMMENT ON FUNCTION iu_core.fn_dot_run_overtaken(iu_core.dot_iu_command_run) IS 'The latest run that stands in the way of undoing this one; null when none does';
REVOKE ALL ON FUNCTION iu_core.fn_dot_run_overtaken(iu_core.dot_iu_command_run) FROM PUBLIC;
