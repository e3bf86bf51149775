SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
-- What waits to be sealed is found anew; what is sealed, and the runs that stand on a link, cannot be proved without it.
SELECT iu_core.fn_iu_refuse_if_history('dot_iu_history_block');
DO $$
BEGIN
  IF EXISTS (SELECT FROM iu_core.dot_iu_command_run WHERE num_nonnulls(head_no, outcome) > 0) THEN
    RAISE EXCEPTION 'runs of the ledger stand on links of its chain' USING ERRCODE = 'IU010';
  END IF;
END
$$;
DROP TRIGGER trg_unit_version_unsealed ON iu_core.unit_version;
DROP TRIGGER trg_iu_held_decision_unsealed ON iu_core.iu_held_decision;
DROP TRIGGER trg_iu_held_decision_append_only ON iu_core.iu_held_decision;
DROP TRIGGER trg_iu_collection_checkpoint_unsealed ON iu_core.iu_collection_checkpoint;
DROP TRIGGER trg_iu_collection_checkpoint_piece_unsealed ON iu_core.iu_collection_checkpoint_piece;
DROP TRIGGER trg_iu_backup_evidence_unsealed ON iu_core.iu_backup_evidence;
DROP TRIGGER trg_iu_archive_unsealed ON iu_core.iu_archive;
DROP TRIGGER trg_iu_archive_move_unsealed ON iu_core.iu_archive_move;
DROP TRIGGER trg_information_unit_unsealed ON iu_core.information_unit;
DROP TRIGGER trg_dot_iu_history_block_append_only ON iu_core.dot_iu_history_block;
DROP VIEW iu_core.v_iu_collection_health;
CREATE VIEW iu_core.v_iu_collection_health AS
 SELECT c.id AS collection_id,
    c.canonical_address,
    ((p.pieces = c.piece_count) AND (p.bytes = c.byte_length) AND (p.missing_body = 0) AND (p.retired_inside = 0) AND (NOT (c.render_revision IS DISTINCT FROM c.revision)) AND ((c.source_digest IS NULL) OR (c.render_digest = c.source_digest))) AS healthy,
    p.pieces,
    c.piece_count AS pieces_counted,
    p.bytes,
    c.byte_length AS bytes_counted,
    p.missing_body,
    p.retired_inside,
    (c.render_revision IS DISTINCT FROM c.revision) AS render_stale,
    ((c.source_digest IS NOT NULL) AND (c.render_digest IS DISTINCT FROM c.source_digest)) AS differs_from_source
   FROM (iu_collection c
     CROSS JOIN LATERAL ( SELECT (count(*))::integer AS pieces,
            COALESCE(sum((v.byte_length + octet_length(COALESCE(p_1.separator,
                CASE
                    WHEN p_1.followed THEN c.joiner
                    ELSE ''::text
                END)))), (0)::bigint) AS bytes,
            (count(*) FILTER (WHERE (v.unit_id IS NULL)))::integer AS missing_body,
            (count(*) FILTER (WHERE (u.lifecycle_status = ANY (ARRAY['retired'::text, 'deleted'::text]))))::integer AS retired_inside
           FROM ((( SELECT iu_collection_piece.collection_id,
                    iu_collection_piece.unit_id,
                    iu_collection_piece."position",
                    iu_collection_piece.pinned_version_seq,
                    iu_collection_piece.separator,
                    (lead(iu_collection_piece.unit_id) OVER (ORDER BY iu_collection_piece."position") IS NOT NULL) AS followed
                   FROM iu_collection_piece
                  WHERE (iu_collection_piece.collection_id = c.id)) p_1
             JOIN information_unit u ON ((u.id = p_1.unit_id)))
             LEFT JOIN unit_version v ON (((v.unit_id = u.id) AND (v.version_seq = COALESCE(p_1.pinned_version_seq, u.current_version_seq)))))) p)
  WHERE (c.status = 'active'::text);
ALTER VIEW v_iu_collection_health OWNER TO iu_owner;
COMMENT ON VIEW v_iu_collection_health IS 'Each collection counted anew from its rows: pieces and bytes, missing bodies, retired pieces inside, stale or differing rendering';
GRANT SELECT ON v_iu_collection_health TO iu_reader;
DROP VIEW iu_core.v_dot_iu_command_run_health;
CREATE VIEW iu_core.v_dot_iu_command_run_health AS
 SELECT n.runs AS recent_runs,
    n.failed AS recent_failed,
    n.unverified AS recent_unverified,
    n.refused AS recent_refused,
    n.last_run_at,
    (( SELECT count(*) AS count
           FROM ( SELECT
                   FROM dot_iu_command_unsealed
                 LIMIT 10001) u))::integer AS unsealed,
    ( SELECT min(r.finished_at) AS min
           FROM dot_iu_command_run r
          WHERE (r.id = ( SELECT min(u.run_id) AS min
                   FROM dot_iu_command_unsealed u))) AS oldest_unsealed_at,
    s.seal_no AS head_no,
    encode(s.chain_digest, 'hex'::text) AS head,
    s.sealed_at AS last_sealed_at
   FROM (( SELECT (count(*))::integer AS runs,
            (count(*) FILTER (WHERE (newest.status = 'failed'::text)))::integer AS failed,
            (count(*) FILTER (WHERE (newest.status = 'unverified'::text)))::integer AS unverified,
            (count(*) FILTER (WHERE (newest.status = 'refused'::text)))::integer AS refused,
            max(newest.finished_at) AS last_run_at
           FROM ( SELECT dot_iu_command_run.status,
                    dot_iu_command_run.finished_at
                   FROM dot_iu_command_run
                  ORDER BY dot_iu_command_run.id DESC
                 LIMIT 1000) newest) n
     LEFT JOIN ( SELECT dot_iu_command_seal.seal_no,
            dot_iu_command_seal.run_id,
            dot_iu_command_seal.chain_digest,
            dot_iu_command_seal.sealed_at
           FROM dot_iu_command_seal
          ORDER BY dot_iu_command_seal.seal_no DESC
         LIMIT 1) s ON (true));
ALTER VIEW v_dot_iu_command_run_health OWNER TO iu_owner;
COMMENT ON VIEW v_dot_iu_command_run_health IS 'One row: what became of the newest thousand runs, and how far the chain is';
GRANT SELECT ON v_dot_iu_command_run_health TO iu_reader;
DROP VIEW iu_core.v_dot_iu_command_run;
CREATE VIEW iu_core.v_dot_iu_command_run AS
 SELECT r.id AS run_id,
    r.command_code,
    r.mode,
    r.status,
    r.code,
    r.actor,
    r.actor_kind,
    r.reason,
    r.params,
    r.object_refs,
    r.event_count,
    r.event_from,
    r.event_to,
    encode(r.plan_digest, 'hex'::text) AS plan_digest,
    r.plan_run_id,
    r.target_run_id,
    r.idempotency_key,
    r.receipt,
    r.started_at,
    r.finished_at,
    (EXTRACT(epoch FROM (r.finished_at - r.started_at)) * (1000)::numeric) AS duration_ms,
    v.status AS verify_status,
    v.id AS verify_run_id,
    u.id AS undone_by_run_id,
    s.seal_no
   FROM (((dot_iu_command_run r
     LEFT JOIN LATERAL ( SELECT w.id,
            w.status
           FROM dot_iu_command_run w
          WHERE ((w.target_run_id = r.id) AND (w.mode = 'verify'::text) AND (w.status = ANY (ARRAY['verified'::text, 'unverified'::text])))
          ORDER BY w.id DESC
         LIMIT 1) v ON (true))
     LEFT JOIN dot_iu_command_run u ON (((u.target_run_id = r.id) AND (u.mode = 'rollback'::text) AND (u.status = 'succeeded'::text))))
     LEFT JOIN dot_iu_command_seal s ON ((s.run_id = r.id)));
ALTER VIEW v_dot_iu_command_run OWNER TO iu_owner;
COMMENT ON VIEW v_dot_iu_command_run IS 'The ledger, with each run''s latest verification, what undid it, and its link in the chain';
GRANT SELECT ON v_dot_iu_command_run TO iu_reader;
DROP VIEW iu_core.v_dot_iu_command_registry;
CREATE VIEW iu_core.v_dot_iu_command_registry AS
 SELECT c.command_code,
    c.area,
    c.tier,
    c.required_right,
    c.gates,
    c.reason_required,
    c.confirm_param,
    c.param_schema,
    c.description,
    r.planned,
    r.succeeded,
    r.refused,
    r.failed,
    r.undone,
    r.last_run_id,
    l.finished_at AS last_run_at,
    l.actor AS last_actor,
    l.status AS last_status
   FROM ((dot_iu_command c
     CROSS JOIN LATERAL ( SELECT (count(*) FILTER (WHERE (n.status = 'planned'::text)))::integer AS planned,
            (count(*) FILTER (WHERE ((n.status = 'succeeded'::text) AND (n.mode = 'apply'::text))))::integer AS succeeded,
            (count(*) FILTER (WHERE (n.status = 'refused'::text)))::integer AS refused,
            (count(*) FILTER (WHERE (n.status = 'failed'::text)))::integer AS failed,
            (count(*) FILTER (WHERE ((n.status = 'succeeded'::text) AND (n.mode = 'rollback'::text))))::integer AS undone,
            max(n.id) AS last_run_id
           FROM ( SELECT dot_iu_command_run.id,
                    dot_iu_command_run.status,
                    dot_iu_command_run.mode
                   FROM dot_iu_command_run
                  WHERE (dot_iu_command_run.command_code = c.command_code)
                  ORDER BY dot_iu_command_run.id DESC
                 LIMIT 10000) n) r)
     LEFT JOIN dot_iu_command_run l ON ((l.id = r.last_run_id)));
ALTER VIEW v_dot_iu_command_registry OWNER TO iu_owner;
COMMENT ON VIEW v_dot_iu_command_registry IS 'Every command with what became of its newest ten thousand runs';
GRANT SELECT ON v_dot_iu_command_registry TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_works()
 RETURNS TABLE(check_code text, name text, ok boolean, detail text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  v_tables constant text[] := '{event_outbox,iu_event_type,iu_held_decision,iu_outbound_route,iu_route_attempt,iu_route_attempt_rollup,iu_route_dead_letter,iu_route_worker_cursor,iu_route_worker_run,dot_config}';
  v_functions constant text[] := '{fn_iu_emit_event,fn_iu_route_page,fn_iu_route_worker_run,fn_iu_route_attempt_one,fn_iu_route_dead_letter_replay,fn_iu_route_deliver,fn_iu_route_worker_health}';
  v_views constant text[] := '{v_iu_route_decision,v_iu_event_claim,v_iu_event_backlog,v_iu_accounting,v_iu_route_attempt,v_iu_route_attempt_summary,v_iu_route_dead_letter_open,v_iu_route_worker_health,v_iu_gate}';
  v_wrong text;
  v_account jsonb;
BEGIN
  FOR check_code, name IN VALUES
    ('W1', 'substrate'), ('W2', 'functions present'), ('W3', 'views present'), ('W4', 'gates readable'), ('W5', 'cursor present'),
    ('W6', 'seam fails closed'), ('W7', 'both gates checked'), ('W8', 'health'), ('W9', 'backlog explained')
  LOOP
    v_wrong := NULL;
    BEGIN
      CASE check_code
        WHEN 'W1', 'W3' THEN
          SELECT 'missing: ' || string_agg(n, ', ') INTO v_wrong
          FROM unnest(CASE check_code WHEN 'W1' THEN v_tables ELSE v_views END) AS n
          WHERE NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'iu_core'::regnamespace AND relname = n AND relkind = CASE check_code WHEN 'W1' THEN 'r' ELSE 'v' END);
          detail := CASE check_code WHEN 'W1' THEN format('%s tables', cardinality(v_tables)) ELSE format('%s views', cardinality(v_views)) END;
        WHEN 'W2' THEN
          SELECT 'missing, or open to PUBLIC: ' || string_agg(n, ', ') INTO v_wrong
          FROM unnest(v_functions) AS n
          WHERE NOT EXISTS (SELECT FROM pg_proc AS p WHERE p.pronamespace = 'iu_core'::regnamespace AND p.proname = n AND NOT has_function_privilege('public', p.oid, 'EXECUTE'));
          detail := format('%s functions', cardinality(v_functions));
        WHEN 'W4' THEN
          SELECT string_agg(format('%s is %s', gate, state), ', ') FILTER (WHERE state IN ('missing', 'malformed')),
                 format('%s open, %s closed', count(*) FILTER (WHERE is_open), count(*) FILTER (WHERE NOT is_open)) INTO v_wrong, detail FROM v_iu_gate;
        WHEN 'W5' THEN
          SELECT 'not exactly one cursor: bucket ' || string_agg(b::text, ', ' ORDER BY b) INTO v_wrong
          FROM generate_series(0, 15) AS b WHERE (SELECT count(*) FROM iu_route_worker_cursor AS c WHERE b BETWEEN c.bucket_from AND c.bucket_to) <> 1;
          SELECT format('16 buckets, %s', string_agg(format('%s to %s by %s', bucket_from, bucket_to, worker_code), ', ' ORDER BY bucket_from)) INTO detail FROM iu_route_worker_cursor;
        WHEN 'W6' THEN
          v_wrong := 'fn_iu_route_deliver returned, and live delivery is not built';
          detail := 'a delivery raises, and a live route needs an approval';
          BEGIN
            PERFORM fn_iu_route_deliver(0, 0);
          EXCEPTION WHEN feature_not_supported THEN
            SELECT 'iu_outbound_route_safe_chk is missing' INTO v_wrong
            WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'iu_outbound_route_safe_chk' AND conrelid = 'iu_core.iu_outbound_route'::regclass AND convalidated);
          END;
        WHEN 'W7' THEN
          -- By its text; scenario H closes the gates and sees what happens.
          SELECT string_agg(format('%s does not ask for %s', f, g), '; ') INTO v_wrong
          FROM unnest('{fn_iu_route_worker_run,fn_iu_route_dead_letter_replay}'::text[]) AS f, unnest('{iu_core.route_worker_enabled,iu_core.routes_master_enabled}'::text[]) AS g
          WHERE NOT EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'iu_core'::regnamespace AND proname = f AND strpos(prosrc, g) > 0);
          detail := 'by the worker and by a replay';
        WHEN 'W8' THEN
          SELECT string_agg(format('%s is %s without a reason', worker_code, CASE WHEN healthy THEN 'healthy' ELSE 'unhealthy' END), '; ') FILTER (WHERE healthy <> (reasons = '{}')),
                 string_agg(format('%s: %s', worker_code, CASE WHEN healthy THEN 'healthy' ELSE array_to_string(reasons, '; ') END), ' · ' ORDER BY worker_code), (array_agg(accounting))[1]
          INTO v_wrong, detail, v_account
          FROM v_iu_route_worker_health;
          v_wrong := CASE WHEN detail IS NULL THEN 'no worker' ELSE v_wrong END;
        WHEN 'W9' THEN
          -- Health carries it; without a worker, or where health itself breaks, it is asked for.
          v_account := coalesce(v_account, (SELECT to_jsonb(a) FROM v_iu_accounting AS a));
          v_wrong := CASE WHEN v_account ->> 'unexplained' <> '0' THEN format('%s of %s events are unexplained', v_account ->> 'unexplained', v_account ->> 'events') END;
          detail := format('%s events, %s not yet routed, %s held, 0 unexplained', v_account ->> 'events', v_account ->> 'not_yet_routed', v_account ->> 'held');
      END CASE;
    EXCEPTION WHEN OTHERS THEN
      v_wrong := SQLERRM;
    END;
    ok := v_wrong IS NULL;
    detail := coalesce(v_wrong, detail);
    RETURN NEXT;
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_works() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_works() IS 'The checks W1 to W9 of what is installed, by reading alone: substrate, functions, views, gates, cursors, the seam, both gates, health, backlog';
GRANT EXECUTE ON FUNCTION fn_iu_works() TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_sync_layers()
 RETURNS TABLE(layer_code text, state text, seen_at timestamp with time zone, saw text, digest text, behind integer, detail text)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  WITH contract AS MATERIALIZED (
    SELECT c.contract_unit, c.contract_digest, c.applied_at FROM (VALUES (1)) AS one(n) LEFT JOIN fn_iu_contract() AS c ON true
  ), consoles AS (
    SELECT count(*)::integer AS n, (count(*) FILTER (WHERE p.contract_digest IS DISTINCT FROM c.contract_digest))::integer AS others, max(p.last_seen_at) AS seen_at,
           -- The one that differs, where there is one.
           (array_agg(p.contract_unit ORDER BY p.contract_digest IS DISTINCT FROM c.contract_digest DESC, p.last_seen_at DESC))[1] AS saw,
           (array_agg(p.contract_digest ORDER BY p.contract_digest IS DISTINCT FROM c.contract_digest DESC, p.last_seen_at DESC))[1] AS digest
    FROM iu_console_process AS p, contract AS c WHERE p.last_seen_at >= clock_timestamp() - interval '20 seconds'
  ), folders AS (
    SELECT count(*)::integer AS n, coalesce(sum(pending), 0)::integer AS pending, (count(*) FILTER (WHERE is_running))::integer AS running FROM v_iu_exporter
  ), exported AS (
    SELECT e.exported_at, k.canonical_address, encode(e.render_digest, 'hex') AS digest FROM iu_export AS e JOIN iu_collection AS k ON k.id = e.collection_id
    WHERE e.exported_at IS NOT NULL ORDER BY e.exported_at DESC LIMIT 1
  ), compared AS MATERIALIZED (
    SELECT state, digest, expected, drift, why, objects FROM v_dot_comparison
  )
  SELECT 'database', CASE WHEN c.contract_digest IS NULL THEN 'unknown' ELSE CASE d.state WHEN 'matches' THEN 'in_step' WHEN 'drift' THEN 'behind' ELSE 'unknown' END END, c.applied_at, c.contract_unit, d.digest,
         CASE WHEN c.contract_digest IS NOT NULL AND d.state <> 'unknown' THEN d.drift END,
         CASE WHEN c.contract_digest IS NULL THEN 'no unit is on record'
              WHEN d.state = 'matches' THEN format('all of %s objects are as deployed: drift 0', d.expected)
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
  SELECT 'knowledge_base', CASE WHEN f.n = 0 THEN 'not_connected' WHEN f.pending > 0 THEN 'behind' ELSE 'in_step' END, x.exported_at, x.canonical_address, x.digest, f.pending,
         CASE WHEN f.n = 0 THEN 'no folder is exported into'
              ELSE format('%s, %s; an exporter runs for %s', CASE f.n WHEN 1 THEN '1 folder' ELSE f.n || ' folders' END,
                          CASE f.pending WHEN 0 THEN 'every rendering is in its files' WHEN 1 THEN '1 rendering is not in its files' ELSE f.pending || ' renderings are not in their files' END,
                          CASE f.running WHEN 0 THEN 'none' ELSE f.running::text END) END
  FROM folders AS f LEFT JOIN exported AS x ON true
  UNION ALL
  SELECT 'vector_index', 'not_connected', NULL, NULL, NULL, 0, 'no adapter is installed; the manifest files are what it will index'
$function$;
ALTER FUNCTION fn_iu_sync_layers() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_sync_layers() IS 'Each layer as the evidence has it now: in_step, behind, not_connected or unknown, what it last saw and when, a digest, and how much it lacks';
GRANT EXECUTE ON FUNCTION fn_iu_sync_layers() TO iu_reader;
DROP VIEW iu_core.v_iu_exporter;
CREATE VIEW iu_core.v_iu_exporter AS
 SELECT x.id AS exporter_id,
    x.host,
    x.folder,
    x.created_at,
    x.created_by,
    (( SELECT count(*) AS count
           FROM v_iu_export_pending p
          WHERE (p.exporter_id = x.id)))::integer AS pending,
    (( SELECT count(*) AS count
           FROM v_iu_export_pending p
          WHERE ((p.exporter_id = x.id) AND p.is_changed)))::integer AS changed,
    e.exported,
    e.exported_at,
    (EXISTS ( SELECT
           FROM pg_locks l
          WHERE ((l.locktype = 'advisory'::text) AND l.granted AND (l.database = ( SELECT d.oid
                   FROM pg_database d
                  WHERE (d.datname = current_database()))) AND ((l.classid)::bigint = ((hashtext('iu_core export'::text))::bigint & '4294967295'::bigint)) AND ((l.objid)::bigint = x.id) AND (l.objsubid = 2)))) AS is_running
   FROM (iu_exporter x
     CROSS JOIN LATERAL ( SELECT (count(iu_export.exported_at))::integer AS exported,
            max(iu_export.exported_at) AS exported_at
           FROM iu_export
          WHERE (iu_export.exporter_id = x.id)) e);
ALTER VIEW v_iu_exporter OWNER TO iu_owner;
COMMENT ON VIEW v_iu_exporter IS 'Folders that are exported into: how much each lacks, and whether a session holds it now';
GRANT SELECT ON v_iu_exporter TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_workers_health(p_worker_code text DEFAULT NULL::text)
 RETURNS TABLE(worker_code text, healthy boolean, reasons text[], worker_gate_open boolean, master_gate_open boolean, delivery_mode text, blocked_by text, backlog integer, oldest_unrouted_at timestamp with time zone, held_back_since timestamp with time zone, open_dead_letters integer, last_pass_at timestamp with time zone, last_pass_seen integer, locked_since timestamp with time zone, oldest_snapshot_at timestamp with time zone, accounting jsonb, backlog_is_exact boolean)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
DECLARE
  v_common text[] := '{}';
  v_orphans text;
BEGIN
  worker_gate_open := fn_iu_gate_is_open('iu_core.route_worker_enabled');
  master_gate_open := fn_iu_gate_is_open('iu_core.routes_master_enabled');
  blocked_by := CASE WHEN NOT worker_gate_open THEN 'iu_core.route_worker_enabled' WHEN NOT master_gate_open THEN 'iu_core.routes_master_enabled' END;
  delivery_mode := CASE
    WHEN blocked_by IS NOT NULL THEN 'STOPPED'
    WHEN fn_iu_gate_is_open('iu_core.execution_enabled') AND EXISTS (SELECT FROM iu_outbound_route AS r WHERE r.enabled AND NOT r.dry_run) THEN 'LIVE'
    ELSE 'DRY RUN' END;
  SELECT count(*) INTO open_dead_letters FROM (SELECT FROM iu_route_dead_letter AS d WHERE d.status = 'open' LIMIT 10001) AS bounded;
  IF NOT worker_gate_open THEN v_common := v_common || format('gate iu_core.route_worker_enabled is %s', fn_iu_gate_state('iu_core.route_worker_enabled')); END IF;
  IF NOT master_gate_open THEN v_common := v_common || format('gate iu_core.routes_master_enabled is %s', fn_iu_gate_state('iu_core.routes_master_enabled')); END IF;
  SELECT string_agg(b::text, ', ' ORDER BY b) INTO v_orphans FROM generate_series(0, 15) AS b WHERE NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c WHERE b BETWEEN c.bucket_from AND c.bucket_to);
  IF v_orphans IS NOT NULL THEN v_common := v_common || format('no cursor owns bucket %s: nobody routes their events', v_orphans); END IF;

  FOR worker_code, last_pass_at, last_pass_seen, locked_since, held_back_since, oldest_snapshot_at, backlog, oldest_unrouted_at, backlog_is_exact, accounting IN
    WITH standing AS MATERIALIZED (
      SELECT s.worker_code, sum(s.waiting) AS waiting, min(s.oldest_at) AS oldest_at, bool_and(s.is_exact) AS is_exact, (array_agg(s.account))[1] AS account FROM fn_iu_event_standing() AS s GROUP BY s.worker_code
    ), activity AS MATERIALIZED (
      SELECT a.pid, a.xact_start, a.backend_xid::text::numeric AS xid, a.backend_xmin IS NOT NULL AND a.backend_type = 'client backend' AS has_snapshot
      FROM pg_stat_activity AS a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
    ), writing AS MATERIALIZED (
      -- A prepared transaction has no session.
      SELECT a.xact_start AS since, a.xid FROM activity AS a WHERE a.xid IS NOT NULL
      UNION ALL
      SELECT p.prepared, p.transaction::text::numeric FROM pg_prepared_xacts AS p WHERE p.database = current_database()
    ), locked AS MATERIALIZED (
      -- A pass holds its lock for milliseconds; who holds it long keeps every other process from this cursor.
      SELECT l.objid::bigint AS lock_no, min(a.xact_start) AS since
      FROM pg_locks AS l JOIN activity AS a ON a.pid = l.pid
      WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND l.classid::bigint = hashtext('iu_core.iu_route_worker_cursor')::bigint & 4294967295
      GROUP BY l.objid
    )
    SELECT c.worker_code, c.last_pass_at, c.last_pass_seen, l.since,
           -- Only a transaction that the cursor has not passed can hold events back: one that was open at the last
           -- window, or began after it.
           (SELECT min(w.since) FROM writing AS w
            WHERE w.xid IN (SELECT x::text::numeric % 4294967296 FROM pg_snapshot_xip(c.snap_from) AS x)
               OR mod(w.xid - pg_snapshot_xmax(c.snap_from)::text::numeric % 4294967296 + 4294967296, 4294967296) < 2147483648),
           -- Under an old one, the cursor's old versions cannot be cleared away, and each pass reads its way through them.
           (SELECT min(a.xact_start) FROM activity AS a WHERE a.has_snapshot),
           least(s.waiting, 10001), s.oldest_at, s.is_exact, (SELECT a.account FROM standing AS a WHERE a.worker_code IS NULL)
    FROM iu_route_worker_cursor AS c
    JOIN standing AS s ON s.worker_code = c.worker_code
    LEFT JOIN locked AS l ON l.lock_no = c.lock_no
    WHERE p_worker_code IS NULL OR c.worker_code = p_worker_code
    ORDER BY c.worker_code
  LOOP
    reasons := v_common;
    IF backlog > 10000 THEN
      reasons := reasons || 'more than 10,000 events wait'::text;
    ELSIF NOT backlog_is_exact THEN
      reasons := reasons || format('more than 10,000 events lie ahead, at least %s of them wait for this worker', backlog);
    END IF;
    IF oldest_unrouted_at < clock_timestamp() - interval '1 minute' THEN
      reasons := reasons || format('the oldest unrouted event is of %s, the last pass that saw any %s', to_char(oldest_unrouted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
        coalesce(to_char(last_pass_at AT TIME ZONE 'UTC', '"of" YYYY-MM-DD HH24:MI:SS "UTC"'), 'has yet to come'));
    END IF;
    IF held_back_since < clock_timestamp() - interval '1 minute' THEN
      reasons := reasons || format('a transaction open since %s may hold events back', to_char(held_back_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
    END IF;
    IF open_dead_letters > 0 THEN
      reasons := reasons || format('%s open dead letter%s', CASE WHEN open_dead_letters > 10000 THEN '10,000+' ELSE open_dead_letters::text END, CASE open_dead_letters WHEN 1 THEN '' ELSE 's' END);
    END IF;
    IF locked_since < clock_timestamp() - interval '1 minute' THEN
      reasons := reasons || format('another session has held the cursor since %s', to_char(locked_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
    END IF;
    IF oldest_snapshot_at < clock_timestamp() - interval '10 minutes' THEN
      reasons := reasons || format('a snapshot open since %s makes passes slow', to_char(oldest_snapshot_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'));
    END IF;
    IF (accounting ->> 'unexplained')::bigint <> 0 THEN reasons := reasons || format('%s events are unexplained', accounting ->> 'unexplained'); END IF;
    healthy := cardinality(reasons) = 0;
    RETURN NEXT;
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_route_workers_health(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_workers_health(text) IS 'fn_iu_route_worker_health of every worker, or of one, from one judgement of what waits; backlog_is_exact is false where it is the least that waits';
GRANT EXECUTE ON FUNCTION fn_iu_route_workers_health(text) TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_audit(p_limit integer DEFAULT 20000)
 RETURNS TABLE(status text, audited integer, through_id bigint)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET plan_cache_mode TO 'force_generic_plan'
AS $function$
#variable_conflict use_column
DECLARE
  v_most_open constant integer := 1000;
  v_own constant xid8 := pg_current_xact_id_if_assigned();
  v_floor bigint;
  v_limit bigint;
  v_newest xid8;
  v_audit iu_event_audit;
  v_page record;
BEGIN
  status := 'idle'; audited := 0; through_id := 0;
  IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 100000 THEN
    RAISE EXCEPTION 'limit: % is not between 1 and 100000', coalesce(p_limit::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'limit';
  ELSIF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'an audit needs READ COMMITTED, not %', upper(current_setting('transaction_isolation')) USING ERRCODE = 'IU011', HINT = 'Its snapshot must be taken after its lock.';
  ELSIF NOT pg_try_advisory_xact_lock(hashtext('iu_core.iu_event_audit')) THEN
    status := 'busy'; RETURN NEXT; RETURN;
  END IF;
  SELECT * INTO v_audit FROM iu_event_audit;
  v_floor := coalesce(pg_sequence_last_value('iu_core.event_outbox_id_seq'), 0);
  through_id := v_audit.through_id;
  IF NOT FOUND AND v_floor = 0
     OR v_audit.through_id >= v_floor AND v_audit.system_identifier = fn_iu_system_identifier() AND NOT EXISTS (SELECT FROM iu_event_audit_open) AND NOT EXISTS (SELECT FROM iu_event_audit_late) THEN
    RETURN NEXT; RETURN;
  ELSIF v_audit.system_identifier IS DISTINCT FROM fn_iu_system_identifier() THEN
    PERFORM fn_iu_event_audit_restart();
    SELECT * INTO STRICT v_audit FROM iu_event_audit;
  END IF;
  -- Where hardly one more can be remembered, a look at a few will do. What a late transaction left is remembered
  -- whole, and may be more than that.
  v_limit := greatest(1, least(p_limit, 1000 + 100 * (SELECT v_most_open - count(*) FROM iu_event_audit_open)));
  -- In this order, as a pass has it: what is newer than v_newest draws its event ids above v_floor, and what is not and
  -- not finished in the snapshot of the next statement is running in the fenced one.
  v_newest := CASE WHEN v_own IS NULL THEN pg_current_xact_id() ELSE fn_iu_newest_xid(v_own) END;

  WITH regular AS MATERIALIZED (
    -- While a cursor reads everything once more, an attempt alone does not tell that it has gone by.
    SELECT NOT EXISTS (SELECT FROM iu_route_worker_cursor AS c
                       WHERE c.system_identifier IS DISTINCT FROM fn_iu_system_identifier() OR c.trusted_id > 0
                         OR pg_snapshot_xmin(c.snap_from) > pg_snapshot_xmax(pg_current_snapshot())) AS is_regular
  ), next AS MATERIALIZED (
    SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.id > v_audit.through_id AND e.id <= v_floor ORDER BY e.id LIMIT v_limit
  ), finished AS MATERIALIZED (
    SELECT l.xid, l.through_id, l.foreign_ids FROM iu_event_audit_late AS l WHERE pg_visible_in_snapshot(l.xid, pg_current_snapshot()) AND l.xid IS DISTINCT FROM v_own
  ), found AS (
    SELECT 'next' AS part, next.* FROM next
    UNION ALL
    SELECT 'late', e.* FROM finished AS f CROSS JOIN LATERAL (
      SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.xid = f.xid AND e.id <= f.through_id AND e.delivery_lane <> 'held'
      UNION ALL
      SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.xid = f.xid AND e.id <= f.through_id AND e.delivery_lane = 'held'
      OFFSET 0) AS e WHERE e.id <> ALL (f.foreign_ids)
    UNION ALL
    SELECT 'open', e.* FROM iu_event_audit_open AS o CROSS JOIN LATERAL (SELECT e.id, e.delivery_lane, e.released_from FROM event_outbox AS e WHERE e.id = o.event_id OFFSET 0) AS e
  ), judged AS MATERIALIZED (
    SELECT f.*, f.delivery_lane = 'held'
             OR EXISTS (SELECT FROM iu_route_attempt AS a WHERE a.event_id = f.id AND a.attempt_no = 1 OFFSET 0)
                AND ((SELECT is_regular FROM regular) OR EXISTS (SELECT FROM v_iu_event_claim AS c WHERE c.event_id = f.id AND c.is_passed)) AS is_settled
    FROM found AS f
  ), reach AS MATERIALIZED (
    -- Up to the event that would be one too many to remember.
    SELECT coalesce(min(id) FILTER (WHERE n > v_most_open) - 1, CASE WHEN count(*) < v_limit THEN v_floor ELSE max(id) END) AS id
    FROM (SELECT j.id, (SELECT count(*) FROM judged WHERE part <> 'next' AND NOT is_settled) + count(*) FILTER (WHERE NOT j.is_settled) OVER (ORDER BY j.id ROWS UNBOUNDED PRECEDING)
                       * CASE WHEN j.is_settled THEN 0 ELSE 1 END AS n
          FROM judged AS j WHERE j.part = 'next') AS remembered
  ), counted AS (
    SELECT j.* FROM judged AS j, reach AS r WHERE j.part <> 'next' OR j.id <= r.id
  )
  SELECT r.id AS through_id,
         -- Of one snapshot with what is counted: what is seen of a transaction that runs is not its own.
         (SELECT coalesce(jsonb_agg(jsonb_build_array(x::text, ARRAY(SELECT e.id FROM event_outbox AS e WHERE e.xid = x AND e.id <= r.id))), '[]')
          FROM pg_snapshot_xip(fn_iu_snapshot_fenced(pg_current_snapshot(), coalesce(v_own, v_newest), v_newest)) AS x WHERE x <> coalesce(v_own, v_newest)) AS running,
         coalesce((SELECT array_agg(xid) FROM finished), '{}') AS finished,
         coalesce(array_agg(c.id ORDER BY c.id) FILTER (WHERE c.is_settled AND c.delivery_lane <> 'held'), '{}') AS attempted,
         coalesce(array_agg(c.id) FILTER (WHERE c.is_settled AND c.part = 'open'), '{}') AS closed,
         coalesce(array_agg(c.id) FILTER (WHERE NOT c.is_settled AND c.part <> 'open'), '{}') AS opened,
         count(*) FILTER (WHERE c.delivery_lane = 'held')::integer AS held,
         count(*) FILTER (WHERE c.is_settled AND c.released_from IS NOT NULL) AS released
  INTO STRICT v_page
  FROM reach AS r LEFT JOIN counted AS c ON true GROUP BY r.id;

  audited := cardinality(v_page.attempted) + v_page.held;
  through_id := v_page.through_id;
  IF audited + cardinality(v_page.opened) + cardinality(v_page.finished) = 0 AND v_page.through_id = v_audit.through_id THEN
    RETURN NEXT; RETURN;
  END IF;
  DELETE FROM iu_event_audit_late WHERE xid = ANY (v_page.finished);
  INSERT INTO iu_event_audit_late (xid, through_id, foreign_ids)
  SELECT (r ->> 0)::xid8, v_page.through_id, ARRAY(SELECT i::bigint FROM jsonb_array_elements_text(r -> 1) AS i) FROM jsonb_array_elements(v_page.running) AS r
  WHERE v_page.through_id > v_audit.through_id
  ON CONFLICT (xid) DO UPDATE SET through_id = excluded.through_id, foreign_ids = excluded.foreign_ids;
  DELETE FROM iu_event_audit_open WHERE event_id = ANY (v_page.closed);
  INSERT INTO iu_event_audit_open (event_id) SELECT unnest(v_page.opened);
  PERFORM fn_iu_attempt_block_count(v_page.attempted, 1);
  UPDATE iu_event_audit AS a
  SET through_id = v_page.through_id, attempted = a.attempted + cardinality(v_page.attempted), written_held = a.written_held + v_page.held,
      released = a.released + v_page.released, audited_at = clock_timestamp();
  status := 'audited';
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_iu_event_audit(integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_audit(integer) IS 'One step of the audit: counts the next events, once each, when they have an attempt or are held; in the caller''s transaction, which must be READ COMMITTED. status: audited, idle (nothing to count), busy. IU002 bad limit, IU011 wrong isolation level';
GRANT EXECUTE ON FUNCTION fn_iu_event_audit(integer) TO iu_approver;
GRANT EXECUTE ON FUNCTION fn_iu_event_audit(integer) TO iu_console;
GRANT EXECUTE ON FUNCTION fn_iu_event_audit(integer) TO iu_operator;
GRANT EXECUTE ON FUNCTION fn_iu_event_audit(integer) TO iu_worker;
CREATE OR REPLACE FUNCTION iu_core.fn_dot_run_write(p_run dot_iu_command_run, p_told jsonb, p_outcome jsonb DEFAULT '{}'::jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_id constant bigint := nextval('iu_core.dot_iu_command_run_id_seq');
  v_finished constant timestamptz := clock_timestamp();
  v_objects constant jsonb := coalesce(p_outcome -> 'objects', '[]');
  v_code constant text := CASE WHEN p_told ->> 'status' = 'failed' THEN 'internal' ELSE fn_dot_refusal_code(p_told ->> 'sqlstate') END;
  v_receipt jsonb;
BEGIN
  v_receipt := jsonb_strip_nulls(jsonb_build_object(
    'run', v_id, 'command', (p_run).command_code, 'mode', (p_run).mode, 'actor', (p_run).actor, 'reason', (p_run).reason, 'params', (p_run).params,
    'code', v_code, 'plan_digest', encode((p_run).plan_digest, 'hex'), 'plan_run', (p_run).plan_run_id, 'target_run', (p_run).target_run_id,
    'started_at', (p_run).started_at, 'finished_at', v_finished)) || jsonb_strip_nulls(p_told - 'sqlstate');
  IF p_told ->> 'status' = 'failed' THEN
    -- What broke inside is for the ledger's reader and the log, not for the caller.
    v_receipt := v_receipt - 'more' - 'hint' - 'field' || '{"detail": "Something went wrong inside; nothing was changed."}';
  ELSIF p_told ->> 'status' IN ('planned', 'succeeded') THEN
    v_receipt := v_receipt || jsonb_build_object(
      'objects', (SELECT coalesce(jsonb_agg(o ORDER BY n), '[]') FROM jsonb_array_elements(v_objects) WITH ORDINALITY AS x(o, n) WHERE n <= 200),
      'counts', (SELECT jsonb_build_object('create', count(*) FILTER (WHERE o ->> 'change' = 'create'), 'update', count(*) FILTER (WHERE o ->> 'change' = 'update'),
                                           'delete', count(*) FILTER (WHERE o ->> 'change' = 'delete')) FROM jsonb_array_elements(v_objects) AS o),
      'before_digest', encode((p_run).state_digest, 'hex'),
      'after_digest', encode(sha256(convert_to(jsonb_path_query_array(v_objects, '$[*].after')::text, 'UTF8')), 'hex'),
      'result', coalesce(p_outcome -> 'result', '{}'), 'notes', coalesce(p_outcome -> 'notes', '[]'), 'checks', coalesce(p_outcome -> 'checks', '[]'),
      'inverse', coalesce(p_outcome -> 'inverse', 'null'))
      || CASE WHEN coalesce(p_outcome -> 'inverse', 'null') = 'null' THEN jsonb_build_object('irreversible', coalesce(p_outcome ->> 'irreversible', 'It cannot be undone.')) ELSE '{}' END
      || CASE WHEN (p_run).mode = 'plan' THEN jsonb_build_object('expires_at', v_finished + interval '1 hour') ELSE '{}' END;
  END IF;
  INSERT INTO dot_iu_command_run (id, command_code, mode, status, code, actor, actor_kind, reason, params, param_digest, state_digest, plan_digest, plan_run_id, target_run_id,
                                  idempotency_key, object_refs, event_count, event_from, event_to, frozen, receipt, started_at, finished_at)
  OVERRIDING SYSTEM VALUE
  VALUES (v_id, (p_run).command_code, (p_run).mode, p_told ->> 'status', v_code, (p_run).actor, (p_run).actor_kind, (p_run).reason, (p_run).params, (p_run).param_digest,
          (p_run).state_digest, (p_run).plan_digest, (p_run).plan_run_id, (p_run).target_run_id, (p_run).idempotency_key, (p_run).object_refs, (p_run).event_count, (p_run).event_from, (p_run).event_to,
          (p_run).frozen, v_receipt || CASE WHEN p_told ->> 'status' = 'failed' THEN jsonb_build_object('fault', jsonb_build_object('sqlstate', p_told -> 'sqlstate', 'message', left(p_told ->> 'detail', 300))) ELSE '{}' END, (p_run).started_at, v_finished);
  INSERT INTO dot_iu_command_unsealed (run_id) VALUES (v_id);
  -- Told once, kept nowhere.
  RETURN v_receipt || CASE WHEN (p_run).mode <> 'plan' AND p_outcome ? 'secret' THEN jsonb_build_object('secret', p_outcome -> 'secret') ELSE '{}' END;
END
$function$;
ALTER FUNCTION fn_dot_run_write(dot_iu_command_run,jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_run_write(dot_iu_command_run,jsonb,jsonb) IS 'Writes a run into the ledger and returns its receipt';
CREATE OR REPLACE FUNCTION iu_core.fn_dot_ledger_verify(p_head text DEFAULT NULL::text)
 RETURNS TABLE(ok boolean, problems text[], rows_sealed bigint, rows_unsealed bigint, head text, head_no bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_link record;
  v_digest bytea := sha256('iu ledger 1');
  v_no bigint := 0;
  v_n bigint;
BEGIN
  problems := '{}';
  IF p_head IS NOT NULL AND p_head !~ '^[0-9a-f]{64}$' THEN
    RAISE EXCEPTION 'head: "%" is no SHA-256 in hex', left(p_head, 80) USING ERRCODE = 'IU002', COLUMN = 'head';
  END IF;
  FOR v_link IN SELECT s.seal_no, s.run_id, s.chain_digest, r AS run FROM dot_iu_command_seal AS s LEFT JOIN dot_iu_command_run AS r ON r.id = s.run_id ORDER BY s.seal_no LOOP
    v_no := v_no + 1;
    IF v_link.seal_no <> v_no THEN
      problems := problems || format('link %s is missing', v_no);
      EXIT;
    ELSIF (v_link.run).id IS NULL THEN
      problems := problems || format('link %s: run %s is gone from the ledger', v_no, v_link.run_id);
      EXIT;
    END IF;
    v_digest := sha256(v_digest || fn_dot_ledger_row_digest(v_link.run));
    IF v_digest <> v_link.chain_digest THEN
      problems := problems || format('link %s: run %s is not what was sealed', v_no, v_link.run_id);
      EXIT;
    END IF;
  END LOOP;
  SELECT count(*) INTO rows_sealed FROM dot_iu_command_seal;
  SELECT count(*) INTO rows_unsealed FROM dot_iu_command_unsealed;
  SELECT count(*) INTO v_n FROM dot_iu_command_run AS r
  WHERE NOT EXISTS (SELECT FROM dot_iu_command_seal AS s WHERE s.run_id = r.id) AND NOT EXISTS (SELECT FROM dot_iu_command_unsealed AS u WHERE u.run_id = r.id);
  IF v_n > 0 THEN
    problems := problems || format('%s runs are neither sealed nor waiting for it', v_n);
  END IF;
  SELECT encode(chain_digest, 'hex'), seal_no INTO head, head_no FROM dot_iu_command_seal ORDER BY seal_no DESC LIMIT 1;
  IF p_head IS NOT NULL AND NOT EXISTS (SELECT FROM dot_iu_command_seal WHERE chain_digest = decode(p_head, 'hex')) THEN
    problems := problems || format('the head %s… is not in this chain: rows were removed or written anew since it was exported', left(p_head, 12));
  END IF;
  ok := cardinality(problems) = 0;
  RETURN NEXT;
END
$function$;
ALTER FUNCTION fn_dot_ledger_verify(text) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_ledger_verify(text) IS 'Walks the chain from its first link, computing each digest anew, and looks for a head that was exported earlier: ok, or what is wrong. IU002 for a head that is no digest';
GRANT EXECUTE ON FUNCTION fn_dot_ledger_verify(text) TO iu_reader;
CREATE OR REPLACE FUNCTION iu_core.fn_dot_ledger_seal(p_limit integer DEFAULT 1000)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_no bigint;
  v_digest bytea;
  v_run dot_iu_command_run;
  v_sealed integer := 0;
BEGIN
  IF p_limit IS NULL OR p_limit NOT BETWEEN 1 AND 100000 THEN
    RAISE EXCEPTION 'limit: % is not between 1 and 100000', coalesce(p_limit::text, 'null') USING ERRCODE = 'IU002', COLUMN = 'limit';
  END IF;
  -- One sealer at a time; another has nothing to wait for.
  IF NOT EXISTS (SELECT FROM dot_iu_command_unsealed) OR NOT pg_try_advisory_xact_lock(hashtext('iu_core.ledger_seal')) THEN
    RETURN 0;
  END IF;
  SELECT seal_no, chain_digest INTO v_no, v_digest FROM dot_iu_command_seal ORDER BY seal_no DESC LIMIT 1;
  v_no := coalesce(v_no, 0);
  v_digest := coalesce(v_digest, sha256('iu ledger 1'));
  FOR v_run IN
    WITH taken AS (
      DELETE FROM dot_iu_command_unsealed WHERE run_id IN (SELECT run_id FROM dot_iu_command_unsealed ORDER BY run_id LIMIT p_limit) RETURNING run_id
    )
    SELECT r.* FROM taken JOIN dot_iu_command_run AS r ON r.id = taken.run_id ORDER BY r.id
  LOOP
    v_no := v_no + 1;
    v_sealed := v_sealed + 1;
    v_digest := sha256(v_digest || fn_dot_ledger_row_digest(v_run));
    INSERT INTO dot_iu_command_seal (seal_no, run_id, chain_digest) VALUES (v_no, v_run.id, v_digest);
  END LOOP;
  RETURN v_sealed;
END
$function$;
ALTER FUNCTION fn_dot_ledger_seal(integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_ledger_seal(integer) IS 'Chains up to p_limit committed ledger rows and returns how many; 0 when there is none, or another is sealing';
GRANT EXECUTE ON FUNCTION fn_dot_ledger_seal(integer) TO iu_approver;
GRANT EXECUTE ON FUNCTION fn_dot_ledger_seal(integer) TO iu_console;
GRANT EXECUTE ON FUNCTION fn_dot_ledger_seal(integer) TO iu_operator;
GRANT EXECUTE ON FUNCTION fn_dot_ledger_seal(integer) TO iu_worker;
CREATE OR REPLACE FUNCTION iu_core.fn_dot_ledger_row_digest(p_run dot_iu_command_run)
 RETURNS bytea
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
  SELECT sha256(convert_to(jsonb_build_array(1, (p_run).id, (p_run).command_code, (p_run).mode, (p_run).status, (p_run).code, (p_run).actor, (p_run).actor_kind, (p_run).reason, (p_run).params,
    encode((p_run).param_digest, 'hex'), encode((p_run).state_digest, 'hex'), encode((p_run).plan_digest, 'hex'), (p_run).plan_run_id, (p_run).target_run_id, (p_run).idempotency_key,
    (p_run).object_refs, (p_run).event_count, (p_run).event_from, (p_run).event_to, (p_run).xid::text, (p_run).frozen, (p_run).receipt,
    extract(epoch FROM (p_run).started_at), extract(epoch FROM (p_run).finished_at))::text, 'UTF8'))
$function$;
ALTER FUNCTION fn_dot_ledger_row_digest(dot_iu_command_run) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_dot_ledger_row_digest(dot_iu_command_run) IS 'SHA-256 over one row of the ledger, form 1';
DROP FUNCTION iu_core.fn_dot_history_verify();
DROP FUNCTION iu_core.fn_dot_history_seal(integer);
DROP FUNCTION iu_core.fn_dot_history_write(text,text[],bigint[],timestamp with time zone,boolean,text);
DROP FUNCTION iu_core.fn_dot_history_queue();
DROP FUNCTION iu_core.fn_dot_history_differs(text,int8multirange);
DROP FUNCTION iu_core.fn_dot_history_block_digest(dot_iu_history_block);
DROP FUNCTION iu_core.fn_dot_history_begin();
CREATE OR REPLACE FUNCTION iu_core.fn_iu_event_audit_restart()
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  -- The trigger on the decisions counts into the row that is there: none may be under way while it is made.
  LOCK TABLE iu_held_decision IN SHARE MODE;
  DELETE FROM iu_event_audit_late;
  DELETE FROM iu_event_audit_open;
  DELETE FROM iu_route_attempt_block;
  DELETE FROM iu_event_audit;
  INSERT INTO iu_event_audit (system_identifier, discarded, archived)
  SELECT fn_iu_system_identifier(), (SELECT count(*) FROM iu_held_decision), (SELECT coalesce(sum(events), 0) FROM v_iu_archive WHERE is_removed);
END
$function$;
ALTER FUNCTION fn_iu_event_audit_restart() OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_event_audit_restart() IS 'Lets the audit begin anew at the first event';
DROP FUNCTION iu_core.fn_dot_history_kinds();
CREATE OR REPLACE FUNCTION iu_core.dot_iu_validate_collection(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_collection constant iu_collection := fn_dot_collection(p_params);
  v_findings jsonb;
BEGIN
  SELECT coalesce(jsonb_agg(jsonb_strip_nulls(to_jsonb(f)) ORDER BY f.finding, f.piece), '[]') INTO v_findings FROM fn_iu_collection_findings(v_collection.id) AS f;
  PERFORM fn_iu_outbox_append('collection_validated', 'iu_collection', ARRAY[v_collection.canonical_address],
    ARRAY[jsonb_build_object('collection_address', v_collection.canonical_address, 'findings', jsonb_array_length(v_findings))]);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('revision', v_collection.revision, 'findings', encode(sha256(convert_to(v_findings::text, 'UTF8')), 'hex')),
    'refs', jsonb_build_array('collection:' || v_collection.canonical_address),
    'result', jsonb_build_object('findings', jsonb_path_query_array(v_findings, '$[0 to 199]'), 'count', jsonb_array_length(v_findings)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'findings_stand', 'kind', 'findings', 'collection', v_collection.canonical_address, 'revision', v_collection.revision, 'count', jsonb_array_length(v_findings))),
    'irreversible', 'Nothing but an event was written.');
END
$function$;
ALTER FUNCTION dot_iu_validate_collection(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_validate_collection(jsonb,jsonb) IS 'Checks a collection and names what it finds';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_start_replay(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_what constant text := coalesce(p_params ->> 'what', 'dead_letters');
  v_ids bigint[];
  v_id bigint;
  v_total integer;
  v_result jsonb := '{}';
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  IF v_what = 'skipped' AND (p_params ? 'cause' OR p_params ? 'failure_code' OR p_params ? 'event_type') THEN
    RAISE EXCEPTION 'what: skipped events are chosen by route and time' USING ERRCODE = 'IU002', COLUMN = 'what', HINT = 'Leave out cause, failure_code and event_type.';
  END IF;
  v_ids := CASE v_what WHEN 'skipped' THEN fn_dot_skipped(p_params, p_context, 500000) ELSE fn_dot_letters(p_params, p_context, 500000, true) END;
  -- The plan's number is the apply's, unless another was started between them.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_replay_job'));
  SELECT coalesce(max(id), 0) + 1 INTO v_id FROM iu_replay_job;
  -- From here on no archive takes any of them; what one has taken since the plan is left out.
  SELECT CASE v_what WHEN 'skipped' THEN (SELECT count(*) FROM event_outbox WHERE id = ANY (v_ids)) ELSE (SELECT count(*) FROM iu_route_dead_letter WHERE id = ANY (v_ids) AND status = 'open') END INTO v_total;
  IF v_total = 0 THEN
    RAISE EXCEPTION 'all of them are resolved already' USING ERRCODE = 'IU016';
  ELSIF v_what = 'dead_letters' AND NOT EXISTS (SELECT FROM iu_route_dead_letter AS d LEFT JOIN iu_outbound_route AS r ON r.id = d.route_id
                                                WHERE d.id = ANY (v_ids) AND d.status = 'open' AND coalesce(r.enabled, true)) THEN
    -- Since the plan: that chooses none whose route is disabled.
    RAISE EXCEPTION 'nothing would be attempted: their route is disabled' USING ERRCODE = 'IU016', HINT = 'Enable the route first.';
  END IF;
  INSERT INTO iu_replay_job (id, what, filter, total, per_second, started_by)
  VALUES (v_id, v_what, p_params - 'what' - 'per_second', v_total, (p_params ->> 'per_second')::integer, fn_iu_actor());
  INSERT INTO iu_replay_batch (job_id, batch_no, event_ids, route_ids)
  SELECT v_id, (n - 1) / 1000, array_agg(event_id ORDER BY n), array_agg(route_id ORDER BY n)
  FROM (SELECT p.event_id, p.route_id, row_number() OVER (ORDER BY p.id) AS n
        FROM (SELECT d.id, d.event_id, d.route_id FROM iu_route_dead_letter AS d WHERE v_what = 'dead_letters' AND d.id = ANY (v_ids) AND d.status = 'open'
              UNION ALL
              SELECT e.id, e.id, r.id FROM event_outbox AS e CROSS JOIN iu_outbound_route AS r WHERE v_what = 'skipped' AND e.id = ANY (v_ids) AND r.route_code = p_params ->> 'route') AS p) AS numbered
  GROUP BY (n - 1) / 1000;
  IF NOT p_context ? 'frozen' THEN
    WITH pairs AS MATERIALIZED (
      SELECT p.event_id, p.route_id FROM iu_replay_batch AS b CROSS JOIN LATERAL unnest(b.event_ids, b.route_ids) AS p(event_id, route_id) WHERE b.job_id = v_id
    ), decided AS MATERIALIZED (
      -- Without the words: to tell what is wrong costs more than to see that something is.
      SELECT DISTINCT ON (p.event_id, p.route_id) p.event_id, p.route_id, w.route_id AS to_route_id,
             CASE WHEN w.decision IS NULL THEN 'no_route' WHEN w.decision = 'failed' THEN 'failed_again' WHEN w.decision = 'skipped' THEN w.failure_code ELSE 'replayed' END AS becomes
      FROM pairs AS p LEFT JOIN v_iu_route_decision AS w ON w.event_id = p.event_id AND (w.route_id = p.route_id OR p.route_id = 0)
      ORDER BY p.event_id, p.route_id, w.decision = 'failed' DESC NULLS LAST
    )
    SELECT jsonb_build_object(
      'would_become', (SELECT jsonb_object_agg(becomes, n) FROM (SELECT becomes, count(*) AS n FROM decided GROUP BY becomes) AS c),
      'sample', (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('event', s.event_id, 'event_type', e.event_type, 'subject', e.event_subject_ref, 'becomes', s.becomes, 'because', left(w.failure_detail, 200))) ORDER BY s.event_id, s.route_id)
                 FROM (SELECT DISTINCT ON (n) * FROM (SELECT d.*, ntile(5) OVER (ORDER BY event_id, route_id) AS n FROM decided AS d) AS t ORDER BY n, event_id, route_id) AS s
                 JOIN event_outbox AS e ON e.id = s.event_id
                 LEFT JOIN v_iu_route_decision AS w ON w.event_id = s.event_id AND w.route_id = s.to_route_id))
    INTO v_result;
    IF v_result -> 'would_become' ?| ARRAY['replayed', 'failed_again'] IS NOT TRUE THEN
      RAISE EXCEPTION 'nothing would be attempted: no route takes them' USING ERRCODE = 'IU016', HINT = 'Register a route for the type, or discard the letters.';
    END IF;
  END IF;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('replay', v_id),
    'frozen', fn_dot_frozen(v_ids),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'replay:' || v_id, 'change', 'create', 'after', jsonb_strip_nulls(jsonb_build_object('status', 'running', 'what', v_what, 'total', v_total, 'per_second', p_params -> 'per_second')))),
    'result', jsonb_build_object('replay', v_id, CASE v_what WHEN 'skipped' THEN 'events' ELSE 'letters' END, v_total) || v_result,
    'notes', CASE WHEN cardinality(v_ids) = 500000 THEN jsonb_build_array('At most 500,000 go into one replay: MORE may match.') ELSE '[]' END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'replay_has_its_set', 'kind', 'replay_set', 'replay', v_id, 'total', v_total)),
    'irreversible', 'Attempts are history. Stop it to keep it from making more.');
END
$function$;
ALTER FUNCTION dot_iu_start_replay(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_start_replay(jsonb,jsonb) IS 'Starts a replay in the background over the dead letters, or the skipped events, that the plan froze';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_run_worker(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_worker constant text := coalesce(p_params ->> 'worker', 'iu_outbound_default');
  v_most constant integer := coalesce((p_params ->> 'passes')::integer, 10);
  v_batch constant integer := coalesce((p_params ->> 'batch_size')::integer, 1000);
  v_pass record;
  v_passes integer := 0;
  v_seen integer := 0;
  v_attempts integer := 0;
  v_skipped integer := 0;
  v_dead integer := 0;
  v_first bigint;
BEGIN
  SELECT coalesce(max(id), 0) INTO v_first FROM iu_route_worker_run;
  LOOP
    SELECT * INTO STRICT v_pass FROM fn_iu_route_worker_run(v_worker, v_batch);
    IF v_pass.status = 'busy' THEN
      RAISE EXCEPTION 'worker %: another process has its cursor', v_worker USING ERRCODE = 'IU016', COLUMN = 'worker', HINT = 'It is routing already.';
    ELSIF v_pass.status = 'worker_gate_closed' THEN
      PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
    ELSIF v_pass.status = 'master_gate_closed' THEN
      PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
    END IF;
    EXIT WHEN v_pass.status <> 'routed';
    v_passes := v_passes + 1; v_seen := v_seen + v_pass.seen; v_attempts := v_attempts + v_pass.attempts_written;
    v_skipped := v_skipped + v_pass.skipped; v_dead := v_dead + v_pass.dead_lettered;
    EXIT WHEN v_passes >= v_most;
  END LOOP;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'objects', CASE WHEN v_seen = 0 THEN '[]' ELSE jsonb_build_array(jsonb_build_object('ref', 'worker:' || v_worker, 'change', 'update', 'after', jsonb_build_object('events', v_seen, 'attempts', v_attempts))) END,
    'refs', jsonb_build_array('worker:' || v_worker),
    'result', jsonb_build_object('status', v_pass.status, 'passes', v_passes, 'seen', v_seen, 'attempts_written', v_attempts, 'skipped', v_skipped, 'dead_lettered', v_dead),
    'notes', CASE WHEN v_pass.status = 'routed' THEN jsonb_build_array('More is waiting.') ELSE '[]' END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'passes_are_on_record', 'kind', 'worker_runs', 'worker', v_worker, 'after', v_first, 'passes', v_passes, 'seen', v_seen)),
    'irreversible', 'Attempts are history.');
END
$function$;
ALTER FUNCTION dot_iu_run_worker(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_run_worker(jsonb,jsonb) IS 'Routes what waits: passes of one worker until it is idle, or as many as are allowed';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_run_probe(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_started constant timestamptz := clock_timestamp();
  v_numbered constant text[] := '{event_outbox,iu_route_dead_letter,iu_route_worker_run}';
  v_before jsonb;
  v_drawn jsonb;
  v_scenarios jsonb;
  v_passed integer;
  v_count integer;
BEGIN
  SELECT jsonb_object_agg(t, coalesce(pg_sequence_last_value(format('iu_core.%s_id_seq', t)::regclass), 0)) INTO v_before FROM unnest(v_numbered) AS t;
  SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(p) || jsonb_build_object('kind', 'probe', 'name', format('%s: %s', scenario, name))) ORDER BY scenario), count(*) FILTER (WHERE status = 'passed'), count(*) INTO v_scenarios, v_passed, v_count FROM fn_iu_probe() AS p;
  SELECT jsonb_object_agg(t, jsonb_build_array(v_before -> t, coalesce(pg_sequence_last_value(format('iu_core.%s_id_seq', t)::regclass), 0))) INTO v_drawn FROM unnest(v_numbered) AS t;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'result', jsonb_build_object('passed', v_passed, 'scenarios', v_count, 'ms', round(extract(epoch FROM clock_timestamp() - v_started) * 1000, 1)),
    'notes', (SELECT coalesce(jsonb_agg(format('%s (%s)', s ->> 'name', replace(s ->> 'status', '_', ' ')) ORDER BY n), '[]')
              FROM jsonb_array_elements(v_scenarios) WITH ORDINALITY AS x(s, n) WHERE s ->> 'status' <> 'passed'),
    'checks', v_scenarios || jsonb_build_array(jsonb_build_object('name', 'nothing_is_left', 'kind', 'probe_left', 'drawn', v_drawn)),
    'irreversible', 'Everything it did is taken back already.');
END
$function$;
ALTER FUNCTION dot_iu_run_probe(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_run_probe(jsonb,jsonb) IS 'Runs the eight scenarios, taken back one by one, and returns what each found';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_restore_archived_events(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  v_archive v_iu_archive;
  v_lines jsonb[];
  v_ids bigint[];
  v_attempts bigint;
  v_taken bigint;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  SELECT * INTO v_archive FROM v_iu_archive WHERE archive_id = (p_params ->> 'archive')::bigint;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'archive: there is no %', p_params ->> 'archive' USING ERRCODE = 'IU003', COLUMN = 'archive';
  ELSIF NOT v_archive.is_removed THEN
    RAISE EXCEPTION 'archive: the events of % are %', p_params ->> 'archive',
      CASE WHEN EXISTS (SELECT FROM event_outbox WHERE id = v_archive.first_id) THEN 'in the outbox' ELSE 'in another archive by now' END USING ERRCODE = 'IU016', COLUMN = 'archive';
  ELSIF encode(sha256(convert_to(p_params ->> 'content', 'UTF8')), 'hex') <> v_archive.content_digest THEN
    RAISE EXCEPTION 'content: this is not what archive % holds', p_params ->> 'archive' USING ERRCODE = 'IU002', COLUMN = 'content', HINT = format('Its file is %s.', v_archive.file_name);
  END IF;
  v_lines := ARRAY(SELECT line::jsonb FROM string_to_table(p_params ->> 'content', E'\n') AS line WHERE line <> '');
  SELECT min(e.id) INTO v_taken
  FROM unnest(v_lines) AS r(line) JOIN event_outbox AS e
    ON (e.event_type, e.event_subject_ref, e.idempotency_key) = (r.line -> 'event' ->> 'event_type', r.line -> 'event' ->> 'event_subject_ref', r.line -> 'event' ->> 'idempotency_key') AND e.released_from IS NULL;
  IF v_taken IS NOT NULL THEN
    RAISE EXCEPTION 'content: event % was emitted since, with the key of one of these', v_taken USING ERRCODE = 'IU004', COLUMN = 'content', HINT = 'One key, one event: these stay in the archive.';
  END IF;
  -- Each row as it was, its transaction included: it was routed, and no worker looks for it. A payload may be the JSON null.
  WITH restored AS (
    INSERT INTO event_outbox (xid, id, event_domain, event_type, event_subject_table, event_subject_ref, payload, delivery_lane, idempotency_key, actor, created_at, released_from)
    OVERRIDING SYSTEM VALUE
    SELECT e.xid, e.id, e.event_domain, e.event_type, e.event_subject_table, e.event_subject_ref, r.line -> 'event' -> 'payload', e.delivery_lane, e.idempotency_key, e.actor, e.created_at, e.released_from
    FROM unnest(v_lines) AS r(line) CROSS JOIN LATERAL jsonb_populate_record(NULL::event_outbox, r.line -> 'event') AS e
    RETURNING id
  )
  SELECT array_agg(id) INTO v_ids FROM restored;
  INSERT INTO iu_route_attempt SELECT a.* FROM unnest(v_lines) AS r(line) CROSS JOIN LATERAL jsonb_populate_recordset(NULL::iu_route_attempt, r.line -> 'attempts') AS a;
  GET DIAGNOSTICS v_attempts = ROW_COUNT;
  PERFORM fn_iu_attempt_block_count(v_ids, 1);
  INSERT INTO iu_archive_move (archive_id, move, moved_by) VALUES (v_archive.archive_id, 'restored', fn_iu_actor());
  UPDATE iu_event_audit SET attempted = attempted + cardinality(v_ids), archived = archived - cardinality(v_ids);
  RETURN jsonb_build_object(
    'state', jsonb_build_object('archive', v_archive.archive_id, 'sha256', v_archive.content_digest),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'archive:' || v_archive.file_name, 'change', 'update',
      'before', jsonb_build_object('events', 'archived'), 'after', jsonb_build_object('events', 'in the outbox'))),
    'result', jsonb_build_object('events', cardinality(v_ids), 'attempts', v_attempts),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_back', 'kind', 'archive', 'archive', v_archive.archive_id, 'removed', false, 'in_outbox', true)),
    'inverse', jsonb_build_object('command', 'dot_iu_remove_archived_events', 'params', jsonb_build_object('archive', v_archive.archive_id)));
END
$function$;
ALTER FUNCTION dot_iu_restore_archived_events(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_restore_archived_events(jsonb,jsonb) IS 'Brings the events and attempts of a removed archive back, each row as it was, from the content of its file';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_replay_skipped(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids constant bigint[] := fn_dot_skipped(p_params, p_context, 10000);
  v_route constant integer := (SELECT id FROM iu_outbound_route WHERE route_code = p_params ->> 'route');
  v_result jsonb;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_result := fn_dot_replayed(v_ids, array_fill(v_route, ARRAY[cardinality(v_ids)]), cardinality(v_ids));
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || a.event_id, 'change', 'update', 'before', jsonb_build_object('attempt', a.attempt_no - 1, 'outcome', 'skipped'),
                                                    'after', jsonb_build_object('attempt', a.attempt_no, 'outcome', a.status)) ORDER BY a.event_id)
                FROM unnest(v_ids) AS i
                CROSS JOIN LATERAL (SELECT l.* FROM iu_route_attempt AS l WHERE l.event_id = i AND l.route_id = v_route ORDER BY l.attempt_no DESC LIMIT 1) AS a),
    'result', jsonb_build_object('events', cardinality(v_ids)) || v_result,
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_attempted', 'kind', 'skipped', 'route', p_params ->> 'route', 'ids', to_jsonb(v_ids))),
    'irreversible', 'Attempts are history.');
END
$function$;
ALTER FUNCTION dot_iu_replay_skipped(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_replay_skipped(jsonb,jsonb) IS 'Attempts what a route skipped while it was disabled; the plan freezes the events';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_replay_dead_letters(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids bigint[];
  v_letters iu_route_dead_letter[];
  v_result jsonb;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_ids := fn_dot_letters(p_params, p_context, 1000, true);
  PERFORM FROM iu_route_dead_letter WHERE id = ANY (v_ids) ORDER BY id FOR UPDATE;
  v_letters := ARRAY(SELECT d FROM iu_route_dead_letter AS d WHERE d.id = ANY (v_ids) AND d.status = 'open' ORDER BY d.id);
  v_result := fn_dot_replayed(ARRAY(SELECT (l).event_id FROM unnest(v_letters) AS l ORDER BY (l).id),
                              ARRAY(SELECT (l).route_id FROM unnest(v_letters) AS l ORDER BY (l).id), cardinality(v_ids));
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT coalesce(jsonb_agg(fn_dot_letter_object(l) ORDER BY (l).id), '[]') FROM unnest(v_letters) AS l),
    'result', jsonb_build_object('letters', cardinality(v_ids)) || v_result,
    'checks', jsonb_build_array(jsonb_build_object('name', 'letters_are_replayed', 'kind', 'dead_letters', 'ids', to_jsonb(v_ids), 'status', 'replayed')),
    'irreversible', 'Attempts are history.');
END
$function$;
ALTER FUNCTION dot_iu_replay_dead_letters(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_replay_dead_letters(jsonb,jsonb) IS 'Attempts the dead letters that a plan froze, each once more; IU016 when that would do nothing';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_replay_dead_letter(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_letter iu_route_dead_letter;
  v_replay record;
  v_route integer;
BEGIN
  PERFORM fn_iu_gate_require('iu_core.route_worker_enabled');
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_letter := fn_dot_letter((p_params ->> 'dead_letter')::bigint);
  SELECT * INTO STRICT v_replay FROM fn_iu_route_dead_letter_replay(v_letter.id);
  IF v_replay.status = 'route_disabled' THEN
    RAISE EXCEPTION 'dead_letter: %: its route % is disabled', v_letter.id, coalesce((SELECT route_code FROM iu_outbound_route WHERE id = v_letter.route_id), 'for ' || v_letter.event_type)
      USING ERRCODE = 'IU016', COLUMN = 'dead_letter', HINT = 'Enable the route first.';
  ELSIF v_replay.status = 'no_route' THEN
    RAISE EXCEPTION 'dead_letter: %: no route takes %', v_letter.id, v_letter.event_type
      USING ERRCODE = 'IU016', COLUMN = 'dead_letter', HINT = 'Register a route for the type, or discard the letter.';
  END IF;
  -- An event that no route had taken is attempted on those that take it now.
  SELECT a.route_id INTO STRICT v_route FROM iu_route_attempt AS a JOIN iu_route_dead_letter AS d ON d.id = v_letter.id
  WHERE a.event_id = v_letter.event_id AND a.attempt_no = v_replay.attempt_no AND CASE d.status WHEN 'rerouted' THEN a.route_id > 0 ELSE a.route_id = v_letter.route_id END
  ORDER BY a.route_id LIMIT 1;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('status', v_letter.status, 'attempt', v_letter.attempt_no),
    'objects', jsonb_build_array(fn_dot_letter_object(v_letter)),
    'refs', jsonb_build_array('event:' || v_letter.event_id),
    'result', jsonb_build_object('status', v_replay.status, 'decision', v_replay.decision, 'attempt_no', v_replay.attempt_no),
    'notes', CASE v_replay.status WHEN 'failed_again' THEN jsonb_build_array('It fails again and stays OPEN; the attempt is on record.') ELSE '[]' END,
    'checks', jsonb_build_array(
      jsonb_build_object('name', 'letter_is_replayed', 'kind', 'dead_letters', 'ids', jsonb_build_array(v_letter.id), 'status', 'replayed'),
      jsonb_build_object('name', 'attempt_is_written', 'kind', 'attempt', 'event', v_letter.event_id, 'route', v_route, 'attempt_no', v_replay.attempt_no)),
    'irreversible', 'An attempt is history.');
END
$function$;
ALTER FUNCTION dot_iu_replay_dead_letter(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_replay_dead_letter(jsonb,jsonb) IS 'Attempts one dead letter once more; IU016 when that would do nothing';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_replay(p_event_ids bigint[], p_route_ids integer[], p_job_id bigint DEFAULT NULL::bigint)
 RETURNS TABLE(event_id bigint, route_id integer, dead_letter_id bigint, to_route_id integer, attempt_no integer, decision text, failure_detail text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  v_actor constant text := fn_iu_actor();
  v_at timestamptz;
  v record;
BEGIN
  -- Letters first, in one order: whoever replays the same ones waits here, and finds them resolved.
  PERFORM FROM unnest(p_event_ids, p_route_ids) AS p(event_id, route_id)
  JOIN iu_route_dead_letter AS d ON d.status = 'open' AND d.event_id = p.event_id AND d.route_id = p.route_id
  ORDER BY d.id FOR UPDATE OF d;
  -- An archive takes no event that is being attempted, and what it took is not attempted.
  PERFORM FROM event_outbox AS e WHERE e.id = ANY (p_event_ids) ORDER BY e.id FOR KEY SHARE;

  v_at := clock_timestamp();
  FOR v IN
    WITH asked AS MATERIALIZED (
      SELECT p.event_id, p.route_id, d.id AS dead_letter_id, d.id IS NOT NULL OR coalesce(l.failure_code = 'route_disabled', false) AS is_open
      FROM (SELECT DISTINCT event_id, route_id FROM unnest(p_event_ids, p_route_ids) AS x(event_id, route_id)) AS p
      LEFT JOIN iu_route_dead_letter AS d ON d.status = 'open' AND d.event_id = p.event_id AND d.route_id = p.route_id
      LEFT JOIN LATERAL (SELECT a.failure_code FROM iu_route_attempt AS a WHERE a.event_id = p.event_id AND a.route_id = p.route_id ORDER BY a.attempt_no DESC LIMIT 1) AS l ON d.id IS NULL
    ), decided AS MATERIALIZED (
      SELECT a.*, w.route_id AS to_route_id, w.target_kind, w.target_ref, w.decision, w.failure_code, w.failure_detail,
             -- An event that no route had taken goes to every route that it has by now.
             a.is_open AND bool_or(coalesce(w.decision, 'skipped') <> 'skipped') OVER (PARTITION BY a.event_id, a.route_id) AS is_attempted,
             (SELECT coalesce(max(n.attempt_no), 0) + 1 FROM iu_route_attempt AS n WHERE n.event_id = a.event_id AND n.route_id = w.route_id) AS attempt_no
      FROM asked AS a
      LEFT JOIN v_iu_route_decision AS w ON w.event_id = a.event_id AND (w.route_id = a.route_id OR a.route_id = 0) AND a.is_open
    ), attempted AS (
      INSERT INTO iu_route_attempt AS a (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
      SELECT event_id, to_route_id, attempt_no, decision, failure_code, failure_detail, target_kind, target_ref, 'replay', v_at
      FROM decided WHERE is_attempted AND decision <> 'live' ORDER BY event_id, to_route_id
      ON CONFLICT DO NOTHING
      RETURNING a.event_id, a.route_id, a.attempt_no, a.status, a.failure_code, a.failure_detail
    ), dead AS (
      INSERT INTO iu_route_dead_letter AS d (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                             event_subject_table, event_subject_ref, payload, actor, event_created_at, replay_job_id)
      SELECT e.id, a.route_id, a.attempt_no, a.failure_code, a.failure_detail, e.event_domain, e.event_type,
             e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at, p_job_id
      FROM attempted AS a JOIN event_outbox AS e ON e.id = a.event_id
      WHERE a.status = 'failed' ORDER BY e.id, a.route_id
      ON CONFLICT (event_id, route_id) WHERE status = 'open'
      DO UPDATE SET attempt_no = excluded.attempt_no, failure_code = excluded.failure_code, failure_detail = excluded.failure_detail,
                    replay_job_id = coalesce(excluded.replay_job_id, d.replay_job_id)
    ), resolved AS (
      UPDATE iu_route_dead_letter AS d
      SET status = CASE WHEN r.is_rerouted THEN 'rerouted' ELSE 'replayed' END, resolved_at = clock_timestamp(), resolved_by = v_actor,
          resolved_attempt_no = CASE WHEN NOT r.is_rerouted THEN r.attempt_no END, replay_job_id = coalesce(p_job_id, d.replay_job_id)
      FROM (SELECT DISTINCT ON (x.dead_letter_id) x.dead_letter_id, x.attempt_no, x.route_id <> x.to_route_id AS is_rerouted
            FROM decided AS x LEFT JOIN attempted AS a ON a.event_id = x.event_id AND a.route_id = x.to_route_id
            WHERE x.dead_letter_id IS NOT NULL AND x.is_attempted
              AND CASE WHEN x.route_id <> x.to_route_id THEN x.decision = 'live' OR a.event_id IS NOT NULL ELSE a.status = 'dry_run' END) AS r
      WHERE d.id = r.dead_letter_id
    ), counted AS (
      SELECT fn_iu_route_rollup_add('replay', v_at, array_agg(c.route_id), array_agg(c.status), array_agg(c.n))
      FROM (SELECT route_id, status, count(*)::integer AS n FROM attempted GROUP BY route_id, status) AS c
      HAVING count(*) > 0
    )
    SELECT x.event_id, x.route_id, x.dead_letter_id, x.to_route_id, a.attempt_no, x.decision = 'live' AND x.is_attempted AS is_live, x.attempt_no AS next_no,
           CASE WHEN NOT x.is_open OR (x.is_attempted AND a.event_id IS NULL) THEN 'already_resolved'
                WHEN x.to_route_id IS NULL THEN 'no_route'
                WHEN NOT x.is_attempted THEN x.failure_code
                ELSE a.status END AS decision, a.failure_detail
    FROM decided AS x LEFT JOIN attempted AS a ON a.event_id = x.event_id AND a.route_id = x.to_route_id AND x.is_attempted
    WHERE (SELECT count(*) FROM counted) >= 0
    ORDER BY x.event_id, x.route_id, x.to_route_id
  LOOP
    event_id := v.event_id; route_id := v.route_id; dead_letter_id := v.dead_letter_id; to_route_id := v.to_route_id;
    attempt_no := v.attempt_no; decision := v.decision; failure_detail := v.failure_detail;
    IF v.is_live THEN
      decision := coalesce(fn_iu_route_attempt_one('replay', v.event_id, v.to_route_id, v.next_no), 'already_resolved');
      attempt_no := CASE WHEN decision <> 'already_resolved' THEN v.next_no END;
      IF decision = 'failed' THEN
        SELECT a.failure_detail INTO failure_detail FROM iu_route_attempt AS a WHERE a.event_id = v.event_id AND a.route_id = v.to_route_id AND a.attempt_no = v.next_no;
        UPDATE iu_route_dead_letter AS d SET replay_job_id = coalesce(p_job_id, d.replay_job_id)
        WHERE d.event_id = v.event_id AND d.route_id = v.to_route_id AND d.status = 'open';
      ELSIF decision = 'sent' THEN
        UPDATE iu_route_dead_letter AS d
        SET status = 'replayed', resolved_at = clock_timestamp(), resolved_by = v_actor, resolved_attempt_no = v.next_no, replay_job_id = coalesce(p_job_id, d.replay_job_id)
        WHERE d.id = v.dead_letter_id AND d.status = 'open';
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$function$;
ALTER FUNCTION fn_iu_replay(bigint[],integer[],bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_replay(bigint[],integer[],bigint) IS 'Attempts pairs of event and route once more, each under its next number. One row a pair (one a route for an event that no route had taken): decision dry_run, sent, failed (dead-lettered again), skipped (one route of several is disabled), or nothing was written: already_resolved, route_disabled, no_route';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_route_attempt_one(p_worker_code text, p_event_id bigint, p_route_id integer, p_attempt_no integer)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_decision v_iu_route_decision;
  v_at timestamptz;
BEGIN
  -- An archive takes no event that is being attempted, and what it took is not attempted.
  PERFORM FROM event_outbox WHERE id = p_event_id FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event: % is not in the outbox', p_event_id USING ERRCODE = 'IU003', COLUMN = 'event_id', HINT = 'If it is archived, restore its archive first.';
  END IF;
  SELECT * INTO v_decision FROM v_iu_route_decision WHERE event_id = p_event_id AND route_id = p_route_id;
  IF NOT FOUND THEN
    -- The event found routes of its own since it was set aside as wanted by none.
    v_decision := ROW(p_event_id, p_route_id, NULL, NULL, 'no_route', 'skipped', NULL);
  ELSIF v_decision.decision = 'live' THEN
    BEGIN
      PERFORM fn_iu_route_deliver(p_event_id, p_route_id);
      v_decision.decision := 'sent';
    EXCEPTION
      WHEN serialization_failure OR deadlock_detected THEN
        RAISE;                                      -- the pass as a whole is retried, nothing failed
      WHEN OTHERS THEN
        v_decision.decision := 'failed';
        v_decision.failure_code := 'worker_process_error';
        v_decision.failure_detail := format('%s (%s)', SQLERRM, SQLSTATE);
    END;
  END IF;
  v_at := clock_timestamp();
  INSERT INTO iu_route_attempt (event_id, route_id, attempt_no, status, failure_code, failure_detail, target_kind, target_ref, worker_code, created_at)
  VALUES (p_event_id, p_route_id, p_attempt_no, v_decision.decision, v_decision.failure_code, v_decision.failure_detail,
          v_decision.target_kind, v_decision.target_ref, p_worker_code, v_at)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  PERFORM fn_iu_route_rollup_add(p_worker_code, v_at, ARRAY[p_route_id], ARRAY[v_decision.decision], ARRAY[1]);
  IF v_decision.decision = 'failed' THEN
    INSERT INTO iu_route_dead_letter AS d (event_id, route_id, attempt_no, failure_code, failure_detail, event_domain, event_type,
                                           event_subject_table, event_subject_ref, payload, actor, event_created_at)
    SELECT e.id, p_route_id, p_attempt_no, v_decision.failure_code, v_decision.failure_detail, e.event_domain, e.event_type,
           e.event_subject_table, e.event_subject_ref, e.payload, e.actor, e.created_at
    FROM event_outbox AS e WHERE e.id = p_event_id
    ON CONFLICT (event_id, route_id) WHERE status = 'open'
    DO UPDATE SET attempt_no = excluded.attempt_no, failure_code = excluded.failure_code, failure_detail = excluded.failure_detail;
  END IF;
  RETURN v_decision.decision;
END
$function$;
ALTER FUNCTION fn_iu_route_attempt_one(text,bigint,integer,integer) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_route_attempt_one(text,bigint,integer,integer) IS 'Decides, attempts and writes down one event on one route; a failure is dead-lettered. Returns the status, or null when that attempt was already there';
DROP FUNCTION iu_core.fn_dot_replay_outcome(jsonb);
CREATE OR REPLACE FUNCTION iu_core.dot_iu_remove_archived_events(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_archive v_iu_archive;
  v_batch record;
  v_events bigint;
  v_attempts bigint;
  v_keyed bigint;
BEGIN
  -- The audit stands still meanwhile, and no cursor begins to read everything once more.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_event_audit'));
  -- Nor does a replay begin: what it freezes stays.
  PERFORM pg_advisory_xact_lock(hashtext('iu_core.iu_replay_job'));
  SELECT * INTO v_archive FROM v_iu_archive WHERE archive_id = (p_params ->> 'archive')::bigint;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'archive: there is no %', p_params ->> 'archive' USING ERRCODE = 'IU003', COLUMN = 'archive';
  ELSIF v_archive.is_removed THEN
    RAISE EXCEPTION 'archive: the events of % are removed already', p_params ->> 'archive' USING ERRCODE = 'IU016', COLUMN = 'archive';
  END IF;
  -- A replay locks its event: it is finished before the rows are compared, or finds no event after.
  PERFORM FROM event_outbox WHERE id BETWEEN v_archive.first_id AND v_archive.last_id ORDER BY id FOR UPDATE;
  SELECT * INTO v_batch FROM fn_iu_archive_content(v_archive.older_than, v_archive.first_id - 1, v_archive.last_id, 100000, 1073741824);
  IF encode(sha256(convert_to(v_batch.content, 'UTF8')), 'hex') IS DISTINCT FROM v_archive.content_digest THEN
    RAISE EXCEPTION 'archive: the events of % are not what its file holds', p_params ->> 'archive'
      USING ERRCODE = 'IU014', COLUMN = 'archive', HINT = 'Something happened to them since, or they must stay: archive them anew.';
  END IF;
  SELECT count(*) INTO v_keyed FROM event_outbox WHERE id = ANY (v_batch.event_ids) AND idempotency_key IS NOT NULL;
  PERFORM fn_iu_attempt_block_count(v_batch.event_ids, -1);
  INSERT INTO iu_archive_move (archive_id, move, moved_by) VALUES (v_archive.archive_id, 'removed', fn_iu_actor());
  DELETE FROM iu_route_attempt WHERE event_id = ANY (v_batch.event_ids);
  GET DIAGNOSTICS v_attempts = ROW_COUNT;
  DELETE FROM event_outbox WHERE id = ANY (v_batch.event_ids);
  GET DIAGNOSTICS v_events = ROW_COUNT;
  IF (v_events, v_attempts) <> (v_archive.events, v_archive.attempts) THEN
    RAISE EXCEPTION 'archive: % holds % events and % attempts, and % and % would go', p_params ->> 'archive', v_archive.events, v_archive.attempts, v_events, v_attempts USING ERRCODE = 'IU014', COLUMN = 'archive';
  END IF;
  UPDATE iu_event_audit SET attempted = attempted - v_events, archived = archived + v_events;
  RETURN jsonb_build_object(
    'state', jsonb_build_object('archive', v_archive.archive_id, 'sha256', v_archive.content_digest),
    'objects', jsonb_build_array(jsonb_build_object('ref', 'archive:' || v_archive.file_name, 'change', 'update',
      'before', jsonb_build_object('events', 'in the outbox'), 'after', jsonb_build_object('events', 'archived'))),
    'result', jsonb_build_object('events', v_events, 'attempts', v_attempts, 'first_event', v_archive.first_id, 'last_event', v_archive.last_id),
    'notes', CASE v_keyed WHEN 0 THEN '[]' ELSE jsonb_build_array(format('%s of them %s a key: emitted again under it, an event will be a new one.', v_keyed, CASE v_keyed WHEN 1 THEN 'has' ELSE 'have' END)) END,
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_archived', 'kind', 'archive', 'archive', v_archive.archive_id, 'removed', true)),
    'irreversible', format('The file brings them back: iu retention restore %s', v_archive.file_name));
END
$function$;
ALTER FUNCTION dot_iu_remove_archived_events(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_remove_archived_events(jsonb,jsonb) IS 'Removes the events and attempts of an archive on record, when they are exactly what its file holds and nothing needs them';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_release_held_events(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids bigint[];
  v_done bigint[];
BEGIN
  PERFORM fn_iu_gate_require('iu_core.routes_master_enabled');
  v_ids := fn_dot_held(p_params, p_context);
  v_done := ARRAY(SELECT fn_iu_held_release(v_ids));
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'no held event matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || e.id, 'change', 'update', 'before', jsonb_build_object('lane', 'held', 'type', e.event_type, 'subject', e.event_subject_ref), 'after', jsonb_build_object('account', 'released')) ORDER BY e.id)
                FROM event_outbox AS e WHERE e.id = ANY (v_done)),
    'result', jsonb_build_object('released', cardinality(v_done), 'by_type', (SELECT jsonb_object_agg(event_type, n) FROM (SELECT event_type, count(*) AS n FROM event_outbox WHERE id = ANY (v_done) GROUP BY event_type) AS t)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_released', 'kind', 'held', 'ids', to_jsonb(v_done), 'account', 'released')),
    'irreversible', 'The released events are in the outbox.');
END
$function$;
ALTER FUNCTION dot_iu_release_held_events(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_release_held_events(jsonb,jsonb) IS 'Releases held events, in the order of writing; the plan freezes which';
CREATE OR REPLACE FUNCTION iu_core.dot_iu_discard_held_events(p_params jsonb, p_context jsonb)
 RETURNS jsonb
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_ids bigint[];
  v_done bigint[];
BEGIN
  v_ids := fn_dot_held(p_params, p_context);
  WITH decided AS (
    INSERT INTO iu_held_decision (event_id, decision, reason, decided_by)
    SELECT event_id, 'discarded', coalesce(p_context ->> 'reason', 'a plan'), fn_iu_actor() FROM v_iu_held_event WHERE event_id = ANY (v_ids) ORDER BY event_id
    ON CONFLICT DO NOTHING
    RETURNING event_id
  )
  SELECT coalesce(array_agg(event_id), '{}') INTO v_done FROM decided;
  IF cardinality(v_done) = 0 THEN
    RAISE EXCEPTION 'no held event matches' USING ERRCODE = 'IU016';
  END IF;
  RETURN jsonb_build_object(
    'state', '{}'::jsonb,
    'frozen', fn_dot_frozen(v_ids),
    'objects', (SELECT jsonb_agg(jsonb_build_object('ref', 'event:' || e.id, 'change', 'update', 'before', jsonb_build_object('lane', 'held', 'type', e.event_type, 'subject', e.event_subject_ref), 'after', jsonb_build_object('account', 'discarded')) ORDER BY e.id)
                FROM event_outbox AS e WHERE e.id = ANY (v_done)),
    'result', jsonb_build_object('discarded', cardinality(v_done), 'by_type', (SELECT jsonb_object_agg(event_type, n) FROM (SELECT event_type, count(*) AS n FROM event_outbox WHERE id = ANY (v_done) GROUP BY event_type) AS t)),
    'checks', jsonb_build_array(jsonb_build_object('name', 'events_are_discarded', 'kind', 'held', 'ids', to_jsonb(v_done), 'account', 'discarded')),
    'irreversible', 'What was given up stays given up; the events are in the outbox, on lane held.');
END
$function$;
ALTER FUNCTION dot_iu_discard_held_events(jsonb,jsonb) OWNER TO iu_owner;
COMMENT ON FUNCTION dot_iu_discard_held_events(jsonb,jsonb) IS 'Gives up held events, with a reason; the plan freezes which';
ALTER TABLE iu_core.iu_archive_move DROP COLUMN event_ids, DROP COLUMN attempt_counts;
DROP TABLE iu_core.dot_iu_history_unsealed;
DROP TABLE iu_core.dot_iu_history_state;
DROP TABLE iu_core.dot_iu_history_block;
ALTER TABLE iu_core.dot_iu_command_seal ALTER COLUMN run_id SET NOT NULL;
COMMENT ON TABLE iu_core.dot_iu_command_seal IS 'The chain over the ledger: each link is SHA-256 over the one before and its row';
COMMENT ON COLUMN iu_core.dot_iu_command_seal.run_id IS NULL;
ALTER TABLE iu_core.dot_iu_command_run DROP COLUMN head_no, DROP COLUMN head_digest, DROP COLUMN outcome;
