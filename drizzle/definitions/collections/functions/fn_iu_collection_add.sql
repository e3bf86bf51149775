CREATE FUNCTION iu_core.fn_iu_collection_add(
  p_collection_id bigint, p_unit_ids bigint[], p_positions numeric[], p_separators text[], p_pinned_version_seqs integer[] DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_wrong text;
BEGIN
  -- Locked before it is judged: a retirement under way is waited for.
  PERFORM FROM information_unit WHERE id = ANY (p_unit_ids) ORDER BY id FOR KEY SHARE;
  SELECT format('%s (%s)', u.canonical_address, u.lifecycle_status) INTO v_wrong
  FROM information_unit AS u WHERE u.id = ANY (p_unit_ids) AND u.lifecycle_status IN ('retired', 'deleted') LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'unit % cannot be added anywhere', v_wrong USING ERRCODE = 'IU009', COLUMN = 'unit_ids', HINT = 'Restore it first, or add another.';
  END IF;
  PERFORM fn_iu_collection_put(p_collection_id, p_unit_ids, p_positions, p_separators, p_pinned_version_seqs);
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_collection_add(bigint, bigint[], numeric[], text[], integer[]) IS 'Puts units into a collection at the given positions, in one set; the refusals of fn_iu_collection_put, and IU009 for a retired or deleted unit';
REVOKE ALL ON FUNCTION iu_core.fn_iu_collection_add(bigint, bigint[], numeric[], text[], integer[]) FROM PUBLIC;
