-- unit: schema

-- requires: information_unit, unit_version, iu_collection_piece
CREATE OR REPLACE FUNCTION iu_core.fn_iu_apply_versions(p_unit_ids bigint[], p_bodies text[], p_unit_kinds text[] DEFAULT NULL, p_titles text[] DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_wrong text;
  v_written integer;
  v_actor constant text := fn_iu_actor();
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF p_unit_kinds IS NOT NULL THEN
    PERFORM fn_iu_classify('unit_kind', p_unit_kinds, 'unit_kind');
  END IF;
  IF cardinality(p_bodies) IS DISTINCT FROM cardinality(p_unit_ids) OR array_position(p_bodies, NULL) > 0 THEN
    RAISE EXCEPTION 'body: every version has a body' USING ERRCODE = 'IU002', COLUMN = 'body';
  END IF;
  -- Units before collections: the lock order of every writer.
  PERFORM FROM information_unit WHERE id = ANY (p_unit_ids) ORDER BY id FOR UPDATE;
  GET DIAGNOSTICS v_written = ROW_COUNT;
  IF v_written IS DISTINCT FROM cardinality(p_unit_ids) THEN
    RAISE EXCEPTION 'unit_ids: names a unit twice, or one that does not exist' USING ERRCODE = 'IU003', COLUMN = 'unit_ids';
  END IF;
  SELECT format('%s (%s)', canonical_address, lifecycle_status) INTO v_wrong
  FROM information_unit WHERE id = ANY (p_unit_ids) AND lifecycle_status IN ('retired', 'deleted') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'unit % takes no new version', v_wrong USING ERRCODE = 'IU009', COLUMN = 'unit_ids', HINT = 'Restore it first.';
  END IF;
  WITH given AS (
    SELECT g.unit_id, g.body, coalesce(g.kind, u.unit_kind) AS kind, g.kind <> u.unit_kind AS is_another_kind, coalesce(g.title, u.title) AS title,
           u.current_version_seq + 1 AS version_seq, octet_length(g.body) - v.byte_length AS growth, sha256(convert_to(g.body, 'UTF8')) AS digest
    FROM unnest(p_unit_ids, p_bodies, p_unit_kinds, p_titles) AS g(unit_id, body, kind, title)
    JOIN information_unit AS u ON u.id = g.unit_id
    JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = u.current_version_seq
    WHERE v.content_digest <> sha256(convert_to(g.body, 'UTF8'))
  ), written AS (
    INSERT INTO unit_version (unit_id, version_seq, body, content_digest, byte_length, created_by)
    SELECT unit_id, version_seq, body, digest, octet_length(body), v_actor FROM given ORDER BY unit_id
    RETURNING unit_id
  ), applied AS (
    UPDATE information_unit AS u SET current_version_seq = given.version_seq, unit_kind = given.kind, title = given.title
    FROM given WHERE u.id = given.unit_id
  ), followed AS (
    -- The kind is the unit's and not the version's: it stands also in the manifests of those that pin one.
    SELECT fn_iu_collection_touch(p.collection_id, 0, coalesce(sum(given.growth) FILTER (WHERE p.pinned_version_seq IS NULL), 0)::bigint)
    FROM given JOIN iu_collection_piece AS p ON p.unit_id = given.unit_id AND (p.pinned_version_seq IS NULL OR given.is_another_kind)
    GROUP BY p.collection_id ORDER BY p.collection_id
  )
  SELECT count(*) INTO v_written FROM written, (SELECT count(*) FROM followed) AS all_touched;
  RETURN v_written;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_apply_versions(bigint[], text[], text[], text[]) IS 'Gives each unit a new version where its body differs, and raises the revision of every collection that follows it, or pins it and shows its new kind; returns how many were written. IU001 closed gate, IU002 bad input, IU003 unknown unit, IU009 retired or deleted unit';
REVOKE ALL ON FUNCTION iu_core.fn_iu_apply_versions(bigint[], text[], text[], text[]) FROM PUBLIC;
