-- requires: fn_iu_begins_text, iu_collection_piece, information_unit, unit_version
-- No separator stands before the first piece, so what a text begins with can only be refused.
CREATE FUNCTION iu_core.fn_iu_collection_first(p_collection_id bigint, p_unit_id bigint)
RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
SET standard_conforming_strings = on
AS $$
DECLARE
  v_first record;
  v_bound bigint;
  v_fence text;
BEGIN
  SELECT p.unit_id, p.position, u.canonical_address, u.unit_kind, v.body INTO v_first
  FROM (SELECT * FROM iu_collection_piece WHERE collection_id = p_collection_id ORDER BY position LIMIT 1) AS p
  JOIN information_unit AS u ON u.id = p.unit_id
  JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq);
  -- The piece that has come to stand behind the first, or that has been the first.
  v_bound := p_unit_id;
  IF v_first.unit_id = p_unit_id THEN
    v_bound := (SELECT unit_id FROM iu_collection_piece WHERE collection_id = p_collection_id AND position > v_first.position ORDER BY position LIMIT 1);
  END IF;
  IF fn_iu_begins_text(v_bound) THEN
    RAISE EXCEPTION 'to: % is front matter or begins with a byte-order mark, and is read as that at the beginning of a text only', (SELECT canonical_address FROM information_unit WHERE id = v_bound)
      USING ERRCODE = 'IU002', COLUMN = 'to', HINT = 'Let it stand first, and the other piece behind it.';
  END IF;
  v_fence := substring(ltrim(v_first.body, U&'\FEFF') FROM '^(---|\+\+\+)[ \t]*(?:[\r\n]|$)');
  IF v_fence IS NOT NULL AND v_first.unit_kind <> 'front_matter' AND EXISTS (
       SELECT FROM iu_collection_piece AS p JOIN information_unit AS u ON u.id = p.unit_id
       JOIN unit_version AS v ON v.unit_id = u.id AND v.version_seq = coalesce(p.pinned_version_seq, u.current_version_seq)
       WHERE p.collection_id = p_collection_id
         AND v.body ~ (CASE WHEN p.unit_id = v_first.unit_id THEN '[\r\n]' ELSE '(^|[\r\n])' END || replace(v_fence, '+', '\+') || '[ \t]*([\r\n]|$)')) THEN
    RAISE EXCEPTION 'to: the line % that % begins with would open front matter, since the text would begin with it and has another such line', v_fence, v_first.canonical_address
      USING ERRCODE = 'IU002', COLUMN = 'to', HINT = 'Let another piece stand first, or write the rule as ***.';
  END IF;
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_first(bigint, bigint) IS 'Refuses (IU002) a piece in a place where front matter or a byte-order mark would not stand first, or a rule that stands first would be read as the beginning of front matter';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_first(bigint, bigint) FROM PUBLIC;
