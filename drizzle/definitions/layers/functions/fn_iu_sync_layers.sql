-- requires: fn_iu_contract, fn_iu_directus_state, iu_console_process, v_iu_exporter, v_iu_export_pending, v_dot_comparison
-- VOLATILE as the comparison is.
CREATE FUNCTION iu_core.fn_iu_sync_layers()
RETURNS TABLE (layer_code text, state text, seen_at timestamptz, saw text, digest text, behind integer, detail text)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH contract AS MATERIALIZED (
    SELECT c.contract_unit, c.contract_digest, c.applied_at FROM (VALUES (1)) AS one(n) LEFT JOIN fn_iu_contract() AS c ON true
  ), consoles AS (
    SELECT count(*)::integer AS n, (count(*) FILTER (WHERE p.contract_digest IS DISTINCT FROM c.contract_digest))::integer AS others, max(p.last_seen_at) AS seen_at,
           -- The one that differs, where there is one.
           (array_agg(p.contract_unit ORDER BY p.contract_digest IS DISTINCT FROM c.contract_digest DESC, p.last_seen_at DESC))[1] AS saw,
           (array_agg(p.contract_digest ORDER BY p.contract_digest IS DISTINCT FROM c.contract_digest DESC, p.last_seen_at DESC))[1] AS digest
    FROM iu_console_process AS p, contract AS c WHERE p.last_seen_at >= clock_timestamp() - interval '20 seconds'
  ), folders AS (
    SELECT count(*)::integer AS n, coalesce(sum(pending), 0)::integer AS pending, coalesce(sum(edited), 0)::integer AS edited, coalesce(sum(unrendered), 0)::integer AS unrendered,
           coalesce(sum(pending + edited + unrendered), 0)::integer AS lacking, (count(*) FILTER (WHERE is_running))::integer AS running FROM v_iu_exporter
  ), exported AS (
    SELECT e.exported_at, k.canonical_address, encode(e.render_digest, 'hex') AS digest FROM iu_export AS e JOIN iu_collection AS k ON k.id = e.collection_id
    WHERE e.exported_at IS NOT NULL ORDER BY e.exported_at DESC LIMIT 1
  ), compared AS MATERIALIZED (
    SELECT state, digest, expected, matching, drift, why, objects, accepted FROM v_dot_comparison
  )
  SELECT 'database', CASE WHEN c.contract_digest IS NULL THEN 'unknown' ELSE CASE d.state WHEN 'matches' THEN 'in_step' WHEN 'accepted' THEN 'in_step' WHEN 'drift' THEN 'behind' ELSE 'unknown' END END, c.applied_at, c.contract_unit, d.digest,
         CASE WHEN c.contract_digest IS NOT NULL AND d.state <> 'unknown' THEN d.drift END,
         CASE WHEN c.contract_digest IS NULL THEN 'no unit is on record'
              WHEN d.state = 'matches' THEN format('all of %s objects are as deployed: drift 0', d.expected)
              WHEN d.state = 'accepted' THEN format('drift 0; accepted %s, until %s at the latest; %s of %s objects are as deployed', jsonb_array_length(d.accepted), (SELECT to_char(max((a ->> 'expires_at')::timestamptz) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') FROM jsonb_array_elements(d.accepted) AS a), d.matching, d.expected)
              WHEN d.state = 'drift' THEN concat_ws('; ', format('drift %s, the first: %s', d.drift, (SELECT concat_ws(' ', o ->> 'class', o ->> 'identity', 'is', o ->> 'state') FROM jsonb_array_elements(d.objects) WITH ORDINALITY AS e(o, n) WHERE o ->> 'state' <> 'unknown' ORDER BY n LIMIT 1)), d.why)
              ELSE d.why END
  FROM contract AS c, compared AS d
  UNION ALL
  SELECT 'directus', d.state, NULL, NULL, d.digest, d.missing, d.detail FROM fn_iu_directus_state() AS d
  UNION ALL
  SELECT 'console', CASE WHEN s.n = 0 THEN 'not_connected' WHEN s.others > 0 THEN 'behind' ELSE 'in_step' END, s.seen_at, s.saw, s.digest, s.others,
         CASE WHEN s.n = 0 THEN 'no console has told in the last twenty seconds that it runs'
              WHEN s.others > 0 THEN format('%s of %s running consoles were built for another schema than %s', s.others, s.n, coalesce(c.contract_unit, 'none'))
              ELSE format('%s running, built for the schema that is deployed', s.n) END
  FROM consoles AS s, contract AS c
  UNION ALL
  SELECT 'knowledge_base', CASE WHEN f.n = 0 THEN 'not_connected' WHEN f.lacking > 0 THEN 'behind' ELSE 'in_step' END, x.exported_at, x.canonical_address, x.digest, f.lacking,
         CASE WHEN f.n = 0 THEN 'no folder is exported into'
              ELSE format('%s, %s; an exporter runs for %s', CASE f.n WHEN 1 THEN '1 folder' ELSE f.n || ' folders' END,
                          CASE WHEN f.lacking = 0 THEN 'every collection is in its files as it is now' ELSE concat_ws(', ',
                            CASE WHEN f.pending = 1 THEN '1 rendering is not in its files' WHEN f.pending > 1 THEN f.pending || ' renderings are not in their files' END,
                            CASE WHEN f.edited > 0 THEN f.edited || ' changed since it was rendered' END, CASE WHEN f.unrendered > 0 THEN f.unrendered || ' never rendered' END) END,
                          CASE f.running WHEN 0 THEN 'none' ELSE f.running::text END) END
  FROM folders AS f LEFT JOIN exported AS x ON true
  UNION ALL
  SELECT 'vector_index', 'not_connected', NULL, NULL, NULL, 0, 'no adapter is installed; the manifest files are what it will index'
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sync_layers() IS 'Each layer as the evidence has it now: in_step, behind, not_connected or unknown, what it last saw and when, a digest, and how much it lacks';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sync_layers() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_sync_layers() TO iu_reader;
