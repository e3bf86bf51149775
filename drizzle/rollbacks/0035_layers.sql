SET LOCAL search_path = pg_catalog, iu_core, pg_temp;
-- Consoles say again that they live, and the layers are declared with their table: those rows are no history.
SELECT iu_core.fn_iu_refuse_if_history('iu_exporter', 'iu_export');
DROP VIEW iu_core.v_iu_sync_layer;
DROP VIEW iu_core.v_iu_export;
DROP VIEW iu_core.v_iu_console_process;
DROP VIEW iu_core.v_iu_collection_sealed;
DROP FUNCTION iu_core.fn_iu_sync_layers_retract();
DROP FUNCTION iu_core.fn_iu_sync_layers_declare(jsonb);
DROP FUNCTION iu_core.fn_iu_sync_layers();
DROP VIEW iu_core.v_iu_exporter;
DROP VIEW iu_core.v_iu_export_pending;
DROP FUNCTION iu_core.fn_iu_export_record(integer,bigint,bigint,bigint,bytea,bytea,bigint);
DROP FUNCTION iu_core.fn_iu_export_intend(integer,bigint,bytea[]);
DROP FUNCTION iu_core.fn_iu_export_forget(integer);
DROP FUNCTION iu_core.fn_iu_export_begin(text,text);
DROP FUNCTION iu_core.fn_iu_directus_state();
DROP FUNCTION iu_core.fn_iu_contract();
DROP FUNCTION iu_core.fn_iu_console_leave(uuid);
DROP FUNCTION iu_core.fn_iu_console_beat(uuid,text,integer,text,text);
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_manifest_text(p_collection_id bigint)
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
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
$function$;
ALTER FUNCTION fn_iu_collection_manifest_text(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_manifest_text(bigint) IS 'The manifest as text, one tab-separated line a piece: number, address, kind, version, SHA-256, bytes, separator as JSON (- = the joiner). Its SHA-256 is the manifest digest';
CREATE OR REPLACE FUNCTION iu_core.fn_iu_collection_seal(p_collection_id bigint)
 RETURNS bytea
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'iu_core', 'pg_temp'
AS $function$
DECLARE
  v_rendered bytea := convert_to(fn_iu_collection_render(p_collection_id), 'UTF8');
  v_digest constant bytea := sha256(v_rendered);
  v_row iu_collection;
BEGIN
  UPDATE iu_collection
  SET render_digest = v_digest, render_revision = revision, byte_length = octet_length(v_rendered),
      manifest_digest = sha256(convert_to(fn_iu_collection_manifest_text(id), 'UTF8')), manifest_revision = revision
  WHERE id = p_collection_id
  RETURNING * INTO STRICT v_row;
  PERFORM fn_iu_outbox_append('collection_rendered', 'iu_collection', ARRAY[v_row.canonical_address],
    ARRAY[jsonb_build_object('collection_address', v_row.canonical_address, 'revision', v_row.revision, 'byte_length', v_row.byte_length,
                             'render_digest', encode(v_digest, 'hex'), 'manifest_digest', encode(v_row.manifest_digest, 'hex'))]);
  RETURN v_digest;
END
$function$;
ALTER FUNCTION fn_iu_collection_seal(bigint) OWNER TO iu_owner;
COMMENT ON FUNCTION fn_iu_collection_seal(bigint) IS 'Renders a collection, keeps the digests of the rendering and of the manifest with the revision, emits collection_rendered; returns the rendering''s SHA-256';
DROP TABLE iu_core.iu_sync_layer;
DROP TABLE iu_core.iu_export;
DROP TABLE iu_core.iu_exporter;
DROP TABLE iu_core.iu_console_process;
-- By hand: what the old definitions do not say.
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_manifest_text(bigint) FROM iu_worker;
ALTER TABLE iu_core.iu_collection DROP COLUMN rendered_event_id;
