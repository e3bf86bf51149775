-- Every registered row is there, and every gate was seeded.
DO $verify$
DECLARE
  v_missing text;
BEGIN
  SELECT string_agg(e.class || ' ' || e.identity, ', ') INTO v_missing
  FROM (
    SELECT 'event_type' AS class, unnest(ARRAY[
  'collection_created',
  'piece_added_to_collection',
  'piece_removed_from_collection',
  'piece_reordered',
  'collection_validated',
  'collection_rendered',
  'piece_retired',
  'piece_restored',
  'iu.created',
  'iu.version_applied',
  'iu.retired',
  'iu.soft_deleted',
  'iu.split',
  'iu.merged',
  'iu.sql_link_changed']) AS identity
    UNION ALL SELECT 'route', unnest(ARRAY[
  'collection_created.log',
  'piece_added_to_collection.log',
  'piece_removed_from_collection.log',
  'piece_reordered.log',
  'collection_validated.log',
  'collection_rendered.log',
  'piece_retired.log',
  'piece_restored.log',
  'iu.created.log',
  'iu.version_applied.log',
  'iu.retired.log',
  'iu.soft_deleted.log',
  'iu.split.log',
  'iu.merged.log',
  'iu.sql_link_changed.log',
  'iu.version_applied.workflow'])
    UNION ALL SELECT 'config', unnest(ARRAY[
  'iu_core.routes_master_enabled',
  'iu_core.route_worker_enabled',
  'iu_core.composer_enabled',
  'iu_core.operator_runtime_enabled',
  'iu_core.structure_ops_enabled',
  'iu_core.autocut_enabled',
  'iu_core.execution_enabled'])
  ) AS e
  WHERE NOT EXISTS (SELECT FROM iu_core.fn_dot_catalogue() AS c WHERE c.class = e.class AND c.identity = e.identity);
  IF v_missing IS NOT NULL THEN
    RAISE EXCEPTION 'not registered: %', v_missing;
  END IF;
  -- A bucket without a cursor would be served by nobody, in silence.
  SELECT string_agg(b::text, ', ') INTO v_missing
  FROM generate_series(0, 15) AS b
  WHERE NOT EXISTS (SELECT FROM iu_core.iu_route_worker_cursor AS c WHERE b BETWEEN c.bucket_from AND c.bucket_to);
  IF v_missing IS NOT NULL THEN
    RAISE EXCEPTION 'buckets without a worker: %', v_missing;
  END IF;
END
$verify$;
