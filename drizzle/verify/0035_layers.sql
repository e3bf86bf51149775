-- Structure and rights, denials included: the facts name every grantee there is.
DO $verify$
DECLARE
  v_wrong text;
BEGIN
  SELECT string_agg(format('%s %s: want "%s", have "%s"', e.class, e.identity, coalesce(e.facts, 'nothing'), coalesce(c.facts, 'nothing')), chr(10)) INTO v_wrong
  FROM (VALUES
    ('table', 'iu_collection', 'owner iu_owner; id bigint, canonical_address text, collection_kind text, title text, status text, joiner text, revision bigint, piece_count integer, byte_length bigint, next_piece_no integer, source_path text, source_digest bytea, source_byte_length bigint, render_digest bytea, render_revision bigint, manifest_digest bytea, manifest_revision bigint, created_at timestamp with time zone, created_by text, updated_at timestamp with time zone, rendered_event_id bigint'),
    ('table', 'iu_console_process', 'owner iu_owner; process_id uuid, host text, pid integer, contract_unit text, contract_digest text, started_at timestamp with time zone, last_seen_at timestamp with time zone'),
    ('table', 'iu_exporter', 'owner iu_owner; id integer, host text, folder text, created_at timestamp with time zone, created_by text'),
    ('table', 'iu_export', 'owner iu_owner; exporter_id integer, collection_id bigint, intended bytea[], event_id bigint, revision bigint, render_digest bytea, manifest_digest bytea, byte_length bigint, exported_at timestamp with time zone, exported_by text'),
    ('table', 'iu_sync_layer', 'owner iu_owner; layer_code text, layer_no smallint, name text, description text, fed_by text'),
    ('function', 'fn_iu_collection_seal(bigint)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_collection_manifest_text(bigint)', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_worker'),
    ('function', 'fn_iu_console_beat(uuid,text,integer,text,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_console'),
    ('function', 'fn_iu_console_leave(uuid)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_console'),
    ('function', 'fn_iu_contract()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_directus_state()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_export_begin(text,text)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_worker'),
    ('function', 'fn_iu_export_forget(integer)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_worker'),
    ('function', 'fn_iu_export_intend(integer,bigint,bytea[])', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_worker'),
    ('function', 'fn_iu_export_record(integer,bigint,bigint,bigint,bytea,bytea,bigint)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_worker'),
    ('view', 'v_iu_export_pending', 'owner iu_owner; SELECT iu_reader; exporter_id integer, collection_id bigint, canonical_address text, event_id bigint, render_digest text, is_changed boolean, exported_event_id bigint'),
    ('view', 'v_iu_exporter', 'owner iu_owner; SELECT iu_reader; exporter_id integer, host text, folder text, created_at timestamp with time zone, created_by text, pending integer, changed integer, exported integer, exported_at timestamp with time zone, is_running boolean'),
    ('function', 'fn_iu_sync_layers()', 'owner iu_owner; security definer; stable; search_path=pg_catalog, iu_core, pg_temp; EXECUTE iu_reader'),
    ('function', 'fn_iu_sync_layers_declare(jsonb)', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('function', 'fn_iu_sync_layers_retract()', 'owner iu_owner; security definer; volatile; search_path=pg_catalog, iu_core, pg_temp'),
    ('view', 'v_iu_collection_sealed', 'owner iu_owner; SELECT iu_reader; collection_id bigint, canonical_address text, rendered_event_id bigint, render_revision bigint, render_digest text, manifest_digest text'),
    ('view', 'v_iu_console_process', 'owner iu_owner; SELECT iu_reader; process_id uuid, host text, pid integer, contract_unit text, contract_digest text, started_at timestamp with time zone, last_seen_at timestamp with time zone, is_stale boolean'),
    ('view', 'v_iu_export', 'owner iu_owner; SELECT iu_reader; exporter_id integer, collection_id bigint, canonical_address text, event_id bigint, revision bigint, render_digest text, manifest_digest text, byte_length bigint, exported_at timestamp with time zone, exported_by text, intended text[]'),
    ('view', 'v_iu_sync_layer', 'owner iu_owner; SELECT iu_reader; layer_code text, layer_no integer, name text, description text, fed_by text, state text, seen_at timestamp with time zone, saw text, digest text, behind integer, detail text')
  ) AS e(class, identity, facts)
  LEFT JOIN iu_core.fn_dot_catalogue() AS c ON c.class = e.class AND c.identity = e.identity
  WHERE c.facts IS DISTINCT FROM e.facts;
  IF v_wrong IS NOT NULL THEN
    RAISE EXCEPTION 'not as deployed: %', v_wrong;
  END IF;
END
$verify$;

-- Five layers, and each of them can tell its state.
DO $layers$
DECLARE
  v_layers text;
BEGIN
  SELECT string_agg(layer_code, ', ' ORDER BY layer_no) INTO v_layers FROM iu_core.v_iu_sync_layer;
  IF v_layers IS DISTINCT FROM 'database, directus, console, knowledge_base, vector_index' THEN
    RAISE EXCEPTION 'not the five layers: %', coalesce(v_layers, 'none');
  END IF;
END
$layers$;
