-- unit: schema

-- By hand: a column more.
ALTER TABLE iu_core.iu_collection ADD COLUMN rendered_event_id bigint;
COMMENT ON COLUMN iu_core.iu_collection.rendered_event_id IS 'the collection_rendered of the last rendering; null where that was before exports were fed';

CREATE TABLE iu_core.iu_console_process (
  process_id uuid CONSTRAINT iu_console_process_pkey PRIMARY KEY,
  host text NOT NULL,
  pid integer NOT NULL,
  contract_unit text COLLATE "C" NOT NULL,
  contract_digest text COLLATE "C" NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
COMMENT ON TABLE iu_core.iu_console_process IS 'Consoles that run: each tells every few seconds that it lives and which schema it was built for, and takes its row away when it ends in order';
COMMENT ON COLUMN iu_core.iu_console_process.contract_unit IS 'the newest unit that it was built with';
COMMENT ON COLUMN iu_core.iu_console_process.contract_digest IS 'SHA-256 over the units that it was built with, as fn_iu_contract takes it over those that are applied';

CREATE TABLE iu_core.iu_exporter (
  id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_exporter_pkey PRIMARY KEY,
  host text NOT NULL,
  folder text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text NOT NULL DEFAULT session_user,
  CONSTRAINT iu_exporter_place_key UNIQUE (host, folder)
);
COMMENT ON TABLE iu_core.iu_exporter IS 'Folders that rendered collections are exported into';

-- requires: iu_exporter, iu_collection
CREATE TABLE iu_core.iu_export (
  exporter_id integer NOT NULL CONSTRAINT iu_export_exporter_fkey REFERENCES iu_core.iu_exporter,
  collection_id bigint NOT NULL CONSTRAINT iu_export_collection_fkey REFERENCES iu_core.iu_collection,
  intended bytea[] NOT NULL DEFAULT '{}',
  event_id bigint,
  revision bigint,
  render_digest bytea,
  manifest_digest bytea,
  byte_length bigint,
  exported_at timestamptz,
  exported_by text,
  CONSTRAINT iu_export_pkey PRIMARY KEY (exporter_id, collection_id),
  CONSTRAINT iu_export_whole_chk CHECK (num_nonnulls(event_id, revision, render_digest, manifest_digest, byte_length, exported_at, exported_by) IN (0, 7))
);
COMMENT ON TABLE iu_core.iu_export IS 'How far an exporter is with each collection: the rendering that was read back from its folder';
COMMENT ON COLUMN iu_core.iu_export.intended IS 'digests of files that were about to be put in place since the last record: after a crash they are known to be its own';
COMMENT ON COLUMN iu_core.iu_export.event_id IS 'the collection_rendered that was carried out; 0 for a rendering of before there were exports';

CREATE TABLE iu_core.iu_sync_layer (
  layer_code text COLLATE "C" CONSTRAINT iu_sync_layer_pkey PRIMARY KEY,
  layer_no smallint NOT NULL CONSTRAINT iu_sync_layer_layer_no_key UNIQUE,
  name text NOT NULL,
  description text NOT NULL,
  fed_by text NOT NULL
);
COMMENT ON TABLE iu_core.iu_sync_layer IS 'The layers that hold what this schema holds: what each is, and how it is fed. Whether one is in step is read each time, never stored';

-- requires: iu_collection
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_seal(p_collection_id bigint)
RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_row iu_collection;
  v_rendered bytea;
  v_digest bytea;
  v_manifest bytea;
  v_event bigint;
BEGIN
  -- Locked before it is read: what is rendered is this revision, and two renderings' events are in the order of their digests.
  SELECT * INTO STRICT v_row FROM iu_collection WHERE id = p_collection_id FOR NO KEY UPDATE;
  v_rendered := convert_to(fn_iu_collection_render(p_collection_id), 'UTF8');
  v_digest := sha256(v_rendered);
  v_manifest := sha256(convert_to(fn_iu_collection_manifest_text(p_collection_id), 'UTF8'));
  v_event := (SELECT fn_iu_outbox_append('collection_rendered', 'iu_collection', ARRAY[v_row.canonical_address],
    ARRAY[jsonb_build_object('collection_address', v_row.canonical_address, 'revision', v_row.revision, 'byte_length', octet_length(v_rendered),
                             'render_digest', encode(v_digest, 'hex'), 'manifest_digest', encode(v_manifest, 'hex'))]));
  UPDATE iu_collection
  SET render_digest = v_digest, render_revision = revision, byte_length = octet_length(v_rendered),
      manifest_digest = v_manifest, manifest_revision = revision, rendered_event_id = v_event
  WHERE id = p_collection_id;
  RETURN v_digest;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_seal(bigint) IS 'Renders a collection, keeps the digests of the rendering and of the manifest with the revision, emits collection_rendered and remembers which event that was; returns the rendering''s SHA-256';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_seal(bigint) FROM PUBLIC;

-- requires: iu_collection, iu_collection_piece, information_unit, unit_version
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_manifest_text(p_collection_id bigint)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  SELECT 'iu-manifest 1' || chr(10)
      || (SELECT concat_ws(chr(9), 'collection', canonical_address, collection_kind, to_json(joiner)) FROM iu_collection WHERE id = p_collection_id) || chr(10)
      || coalesce(string_agg(line, '' ORDER BY position), '')
  FROM (
    SELECT p.position,
           concat_ws(chr(9), row_number() OVER (ORDER BY p.position), u.canonical_address, u.unit_kind, v.version_seq,
                     encode(v.content_digest, 'hex'), v.byte_length, coalesce(to_json(p.separator)::text, '-')) || chr(10) AS line
    FROM iu_collection_piece AS p
    JOIN information_unit AS u ON u.id = p.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
    WHERE p.collection_id = p_collection_id
  ) AS pieces
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_manifest_text(bigint) IS 'The manifest as text, one tab-separated line a piece: number, address, kind, version, SHA-256, bytes, separator as JSON (- = the joiner). Its SHA-256 is the manifest digest';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_manifest_text(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_collection_manifest_text(bigint) TO iu_worker;

-- requires: iu_console_process
CREATE FUNCTION iu_core.fn_iu_console_beat(p_process_id uuid, p_host text, p_pid integer, p_contract_unit text, p_contract_digest text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  UPDATE iu_console_process SET last_seen_at = clock_timestamp() WHERE process_id = p_process_id;
  IF NOT FOUND THEN
    DELETE FROM iu_console_process WHERE last_seen_at < clock_timestamp() - interval '1 day';
    INSERT INTO iu_console_process (process_id, host, pid, contract_unit, contract_digest)
    VALUES (p_process_id, left(p_host, 255), p_pid, left(p_contract_unit, 128), left(p_contract_digest, 128));
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_console_beat(uuid, text, integer, text, text) IS 'Says that a console is alive and which schema it was built for; whoever is new removes rows that have been silent for a day';
REVOKE ALL ON FUNCTION iu_core.fn_iu_console_beat(uuid, text, integer, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_console_beat(uuid, text, integer, text, text) TO iu_console;

-- requires: iu_console_process
CREATE FUNCTION iu_core.fn_iu_console_leave(p_process_id uuid)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ DELETE FROM iu_console_process WHERE process_id = p_process_id $$;
COMMENT ON FUNCTION iu_core.fn_iu_console_leave(uuid) IS 'Takes away the row of a console that ends in order';
REVOKE ALL ON FUNCTION iu_core.fn_iu_console_leave(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_console_leave(uuid) TO iu_console;

-- requires: iu_core
-- The runner's book stands in a schema of its own, which need not be there when this function is made.
CREATE FUNCTION iu_core.fn_iu_contract()
RETURNS TABLE (contract_unit text, contract_digest text, applied_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
BEGIN
  IF to_regclass('iu_deploy.applied_unit') IS NOT NULL THEN
    RETURN QUERY EXECUTE $q$
      SELECT (array_agg(tag ORDER BY number DESC))[1], encode(sha256(convert_to(string_agg(tag || ' ' || hash || chr(10), '' ORDER BY number), 'UTF8')), 'hex'), max(applied_at)
      FROM iu_deploy.applied_unit HAVING count(*) > 0$q$;
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_contract() IS 'What this database is at: its newest unit, SHA-256 over the tags and hashes of all applied units, and when the newest was applied; no row where no unit is on record';
REVOKE ALL ON FUNCTION iu_core.fn_iu_contract() FROM PUBLIC;

-- requires: iu_core
-- Directus' tables are not ours: they are found by name, read where we may, and written by no function.
CREATE FUNCTION iu_core.fn_iu_directus_state()
RETURNS TABLE (state text, digest text, missing integer, detail text)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_schema constant text := (SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                             WHERE c.relname = 'directus_collections' AND c.relkind = 'r' ORDER BY n.nspname = 'public' DESC, n.nspname LIMIT 1);
  v_table text;
  v_wanted text[];
  v_registered text[];
  v_writable integer;
BEGIN
  IF v_schema IS NULL THEN
    RETURN QUERY SELECT 'not_connected', NULL::text, 0, 'Directus'' tables are not in this database';
    RETURN;
  END IF;
  FOREACH v_table IN ARRAY ARRAY['directus_collections', 'directus_fields', 'directus_permissions'] LOOP
    IF to_regclass(format('%I.%I', v_schema, v_table)) IS NULL OR NOT has_schema_privilege(v_schema, 'USAGE') OR NOT has_table_privilege(format('%I.%I', v_schema, v_table), 'SELECT') THEN
      RETURN QUERY SELECT 'behind', NULL::text, NULL::integer, format('iu_owner may not read %I.%I: grant it SELECT, so that this can be told', v_schema, v_table);
      RETURN;
    END IF;
  END LOOP;
  v_wanted := ARRAY(
    SELECT c.relname || '.' || a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
    WHERE c.relnamespace = 'iu_core'::regnamespace AND c.relkind = 'v' AND has_table_privilege('iu_reader', c.oid, 'SELECT') ORDER BY 1);
  EXECUTE format('SELECT ARRAY(SELECT f.collection || ''.'' || f.field FROM %1$I.directus_fields AS f JOIN %1$I.directus_collections AS c ON c.collection = f.collection
                               WHERE f.readonly AND f.collection || ''.'' || f.field = ANY ($1) ORDER BY 1),
                         (SELECT count(*)::integer FROM %1$I.directus_permissions AS p WHERE p.action <> ''read'' AND p.collection = ANY (SELECT split_part(w, ''.'', 1) FROM unnest($1) AS w))', v_schema)
  INTO v_registered, v_writable USING v_wanted;
  RETURN QUERY
  SELECT CASE WHEN cardinality(v_registered) = cardinality(v_wanted) AND v_writable = 0 THEN 'in_step' ELSE 'behind' END,
         encode(sha256(convert_to(array_to_string(v_registered, chr(10)), 'UTF8')), 'hex'), cardinality(v_wanted) - cardinality(v_registered) + v_writable,
         concat_ws('; ', format('%s of %s columns of our views are registered, read-only', cardinality(v_registered), cardinality(v_wanted)),
                   CASE WHEN v_writable > 0 THEN format('%s permissions let somebody write', v_writable) END);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_directus_state() IS 'Whether Directus stands in this database and has every view that readers may see as a read-only collection; read from Directus'' own tables';
REVOKE ALL ON FUNCTION iu_core.fn_iu_directus_state() FROM PUBLIC;

-- requires: iu_exporter
CREATE FUNCTION iu_core.fn_iu_export_begin(p_host text, p_folder text)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_id integer;
BEGIN
  INSERT INTO iu_exporter (host, folder) VALUES (p_host, p_folder) ON CONFLICT (host, folder) DO NOTHING;
  SELECT id INTO STRICT v_id FROM iu_exporter WHERE (host, folder) = (p_host, p_folder);
  -- The session's, so that it is let go whatever becomes of the process; v_iu_exporter sees by it who runs.
  RETURN CASE WHEN pg_try_advisory_lock(hashtext('iu_core export'), v_id) THEN v_id END;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_export_begin(text, text) IS 'Puts a folder on record and holds it for this session; null where another session holds it';
REVOKE ALL ON FUNCTION iu_core.fn_iu_export_begin(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_export_begin(text, text) TO iu_worker;

-- requires: iu_export
CREATE FUNCTION iu_core.fn_iu_export_forget(p_exporter_id integer)
RETURNS integer
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  WITH forgotten AS (DELETE FROM iu_export WHERE exporter_id = p_exporter_id RETURNING 1), gone AS (DELETE FROM iu_exporter WHERE id = p_exporter_id)
  SELECT count(*)::integer FROM forgotten
$$;
COMMENT ON FUNCTION iu_core.fn_iu_export_forget(integer) IS 'Takes a folder off the record; its files stay. Returns how many collections had been exported into it';
REVOKE ALL ON FUNCTION iu_core.fn_iu_export_forget(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_export_forget(integer) TO iu_worker;

-- requires: iu_export
CREATE FUNCTION iu_core.fn_iu_export_intend(p_exporter_id integer, p_collection_id bigint, p_digests bytea[])
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  INSERT INTO iu_export AS e (exporter_id, collection_id, intended) VALUES (p_exporter_id, p_collection_id, p_digests)
  ON CONFLICT (exporter_id, collection_id) DO UPDATE SET intended = ARRAY(SELECT DISTINCT unnest(e.intended || excluded.intended))
$$;
COMMENT ON FUNCTION iu_core.fn_iu_export_intend(integer, bigint, bytea[]) IS 'Says which files an exporter is about to put in place, so that it knows them for its own after a crash';
REVOKE ALL ON FUNCTION iu_core.fn_iu_export_intend(integer, bigint, bytea[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_export_intend(integer, bigint, bytea[]) TO iu_worker;

-- requires: iu_export
CREATE FUNCTION iu_core.fn_iu_export_record(p_exporter_id integer, p_collection_id bigint, p_event_id bigint, p_revision bigint, p_render_digest bytea, p_manifest_digest bytea, p_byte_length bigint)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_sealed iu_collection;
BEGIN
  SELECT * INTO v_sealed FROM iu_collection WHERE id = p_collection_id FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'collection_id: no collection has the id %', p_collection_id USING ERRCODE = 'IU003', COLUMN = 'collection_id';
  END IF;
  -- A later rendering may have come meanwhile: then this one is recorded, and that one is still to be done.
  IF p_event_id = coalesce(v_sealed.rendered_event_id, 0)
     AND (p_revision, p_render_digest, p_manifest_digest) IS DISTINCT FROM (v_sealed.render_revision, v_sealed.render_digest, v_sealed.manifest_digest) THEN
    RAISE EXCEPTION '%: what was exported is not what was rendered', v_sealed.canonical_address USING ERRCODE = 'IU006', COLUMN = 'render_digest';
  END IF;
  IF p_event_id > coalesce(v_sealed.rendered_event_id, 0) THEN
    RAISE EXCEPTION 'event_id: % has not been rendered by event %', v_sealed.canonical_address, p_event_id USING ERRCODE = 'IU002', COLUMN = 'event_id';
  END IF;
  UPDATE iu_export
  SET intended = '{}', event_id = p_event_id, revision = p_revision, render_digest = p_render_digest, manifest_digest = p_manifest_digest,
      byte_length = p_byte_length, exported_at = clock_timestamp(), exported_by = session_user
  WHERE (exporter_id, collection_id) = (p_exporter_id, p_collection_id);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'exporter_id: exporter % did not say that it would export %', p_exporter_id, v_sealed.canonical_address USING ERRCODE = 'IU003', COLUMN = 'exporter_id';
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_export_record(integer, bigint, bigint, bigint, bytea, bytea, bigint) IS 'Records what was read back from an exporter''s folder. IU002 for an event that was not, IU003 unknown, IU006 where it is not what was rendered';
REVOKE ALL ON FUNCTION iu_core.fn_iu_export_record(integer, bigint, bigint, bigint, bytea, bytea, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_export_record(integer, bigint, bigint, bigint, bytea, bytea, bigint) TO iu_worker;

-- requires: iu_export, iu_exporter, iu_collection
CREATE VIEW iu_core.v_iu_export_pending AS
SELECT x.id AS exporter_id, c.id AS collection_id, c.canonical_address, coalesce(c.rendered_event_id, 0) AS event_id,
       encode(c.render_digest, 'hex') AS render_digest, c.render_revision IS DISTINCT FROM c.revision AS is_changed,
       e.event_id AS exported_event_id
FROM iu_core.iu_exporter AS x
CROSS JOIN iu_core.iu_collection AS c
LEFT JOIN iu_core.iu_export AS e ON (e.exporter_id, e.collection_id) = (x.id, c.id)
WHERE c.status = 'active' AND c.render_digest IS NOT NULL AND e.event_id IS DISTINCT FROM coalesce(c.rendered_event_id, 0);
COMMENT ON VIEW iu_core.v_iu_export_pending IS 'Renderings that a folder does not have yet: the last collection_rendered of a collection is not the one that was exported. is_changed: the collection changed since, and has to be rendered once more first';
GRANT SELECT ON iu_core.v_iu_export_pending TO iu_reader;

-- requires: v_iu_export_pending
CREATE VIEW iu_core.v_iu_exporter AS
SELECT x.id AS exporter_id, x.host, x.folder, x.created_at, x.created_by,
       (SELECT count(*) FROM iu_core.v_iu_export_pending AS p WHERE p.exporter_id = x.id)::integer AS pending,
       (SELECT count(*) FROM iu_core.v_iu_export_pending AS p WHERE p.exporter_id = x.id AND p.is_changed)::integer AS changed,
       e.exported, e.exported_at,
       EXISTS (SELECT FROM pg_locks AS l WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
               AND l.classid::bigint = (hashtext('iu_core export')::bigint & 4294967295) AND l.objid::bigint = x.id AND l.objsubid = 2) AS is_running
FROM iu_core.iu_exporter AS x
CROSS JOIN LATERAL (SELECT count(exported_at)::integer AS exported, max(exported_at) AS exported_at FROM iu_core.iu_export WHERE exporter_id = x.id) AS e;
COMMENT ON VIEW iu_core.v_iu_exporter IS 'Folders that are exported into: how much each lacks, and whether a session holds it now';
GRANT SELECT ON iu_core.v_iu_exporter TO iu_reader;

-- requires: fn_iu_contract, fn_iu_directus_state, iu_console_process, v_iu_exporter, v_iu_export_pending, v_iu_works, fn_dot_catalogue
CREATE FUNCTION iu_core.fn_iu_sync_layers()
RETURNS TABLE (layer_code text, state text, seen_at timestamptz, saw text, digest text, behind integer, detail text)
LANGUAGE sql STABLE SECURITY DEFINER
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
    SELECT count(*)::integer AS n, coalesce(sum(pending), 0)::integer AS pending, (count(*) FILTER (WHERE is_running))::integer AS running FROM v_iu_exporter
  ), exported AS (
    SELECT e.exported_at, k.canonical_address, encode(e.render_digest, 'hex') AS digest FROM iu_export AS e JOIN iu_collection AS k ON k.id = e.collection_id
    WHERE e.exported_at IS NOT NULL ORDER BY e.exported_at DESC LIMIT 1
  ), works AS MATERIALIZED (
    SELECT bool_and(ok) AS ok, string_agg(check_code || ' ' || name || ': ' || detail, '; ' ORDER BY check_code) FILTER (WHERE NOT ok) AS wrong,
           (count(*) FILTER (WHERE NOT ok))::integer AS n FROM v_iu_works
  )
  SELECT 'database', CASE WHEN c.contract_digest IS NOT NULL AND w.ok THEN 'in_step' ELSE 'behind' END, c.applied_at, c.contract_unit, c.contract_digest, w.n,
         coalesce(w.wrong, CASE WHEN c.contract_digest IS NULL THEN 'no unit is on record' ELSE 'what is installed works: W1 to W9 hold' END)
  FROM contract AS c, works AS w
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
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sync_layers() IS 'Each layer as the evidence has it now: in_step, behind or not_connected, what it last saw and when, a digest, and how much it lacks';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sync_layers() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iu_core.fn_iu_sync_layers() TO iu_reader;

-- requires: iu_sync_layer
CREATE FUNCTION iu_core.fn_iu_sync_layers_declare(p_layers jsonb)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
  INSERT INTO iu_sync_layer (layer_code, layer_no, name, description, fed_by)
  SELECT key, (value ->> 'no')::smallint, value ->> 'name', value ->> 'description', value ->> 'fed_by' FROM jsonb_each(p_layers)
  ON CONFLICT (layer_code) DO UPDATE SET layer_no = excluded.layer_no, name = excluded.name, description = excluded.description, fed_by = excluded.fed_by
$$;
COMMENT ON FUNCTION iu_core.fn_iu_sync_layers_declare(jsonb) IS 'Declares the layers: {"code": {"no", "name", "description", "fed_by"}}';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sync_layers_declare(jsonb) FROM PUBLIC;

-- requires: iu_sync_layer
CREATE FUNCTION iu_core.fn_iu_sync_layers_retract()
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ DELETE FROM iu_sync_layer $$;
COMMENT ON FUNCTION iu_core.fn_iu_sync_layers_retract() IS 'Takes the layers away: the rollback of their declaration';
REVOKE ALL ON FUNCTION iu_core.fn_iu_sync_layers_retract() FROM PUBLIC;

-- requires: iu_collection
CREATE VIEW iu_core.v_iu_collection_sealed AS
SELECT id AS collection_id, canonical_address, coalesce(rendered_event_id, 0) AS rendered_event_id, render_revision,
       encode(render_digest, 'hex') AS render_digest, encode(manifest_digest, 'hex') AS manifest_digest
FROM iu_core.iu_collection
WHERE status = 'active' AND render_revision = revision AND manifest_revision = revision;
COMMENT ON VIEW iu_core.v_iu_collection_sealed IS 'Collections as they were last rendered, while they still are what was rendered: the event that said so, and both digests';
GRANT SELECT ON iu_core.v_iu_collection_sealed TO iu_reader;

-- requires: iu_console_process
CREATE VIEW iu_core.v_iu_console_process AS
SELECT process_id, host, pid, contract_unit, contract_digest, started_at, last_seen_at, last_seen_at < clock_timestamp() - interval '20 seconds' AS is_stale
FROM iu_core.iu_console_process;
COMMENT ON VIEW iu_core.v_iu_console_process IS 'Consoles that run, and the schema that each was built for; one that has been silent for twenty seconds is stale';
GRANT SELECT ON iu_core.v_iu_console_process TO iu_reader;

-- requires: iu_export, iu_collection
CREATE VIEW iu_core.v_iu_export AS
SELECT e.exporter_id, e.collection_id, c.canonical_address, e.event_id, e.revision, encode(e.render_digest, 'hex') AS render_digest,
       encode(e.manifest_digest, 'hex') AS manifest_digest, e.byte_length, e.exported_at, e.exported_by,
       ARRAY(SELECT encode(i, 'hex') FROM unnest(e.intended) AS i) AS intended
FROM iu_core.iu_export AS e JOIN iu_core.iu_collection AS c ON c.id = e.collection_id;
COMMENT ON VIEW iu_core.v_iu_export IS 'What was read back from each folder, and what was about to be put there';
GRANT SELECT ON iu_core.v_iu_export TO iu_reader;

-- requires: iu_sync_layer, fn_iu_sync_layers
CREATE VIEW iu_core.v_iu_sync_layer AS
SELECT l.layer_code, l.layer_no::integer AS layer_no, l.name, l.description, l.fed_by, s.state, s.seen_at, s.saw, s.digest, s.behind, s.detail
FROM iu_core.iu_sync_layer AS l JOIN iu_core.fn_iu_sync_layers() AS s ON s.layer_code = l.layer_code;
COMMENT ON VIEW iu_core.v_iu_sync_layer IS 'The layers with their state, read from evidence each time: digests, contract versions, what was read back';
GRANT SELECT ON iu_core.v_iu_sync_layer TO iu_reader;

-- By hand: the rows of a table that this unit makes.
SELECT iu_core.fn_iu_sync_layers_declare('{
  "database": {"no": 1, "name": "Database", "description": "The schema iu_core: what all others show or copy", "fed_by": "iu db deploy, unit by unit"},
  "directus": {"no": 2, "name": "Directus", "description": "Our views as read-only collections beside its own tables, which nothing of ours touches", "fed_by": "iu directus register"},
  "console": {"no": 3, "name": "Console", "description": "This server and every other that renders the views", "fed_by": "its build: each console tells which schema it was built for"},
  "knowledge_base": {"no": 4, "name": "Knowledge base", "description": "Rendered collections and their manifests as files", "fed_by": "iu export, by the event collection_rendered"},
  "vector_index": {"no": 5, "name": "Vector index", "description": "What is looked up by meaning; its unit is the manifest file", "fed_by": "nothing yet"}}');
