-- The birth gate: the only INSERT into information_unit there is, and of a first version.
CREATE FUNCTION iu_core.fn_iu_create_batch(
  p_canonical_addresses text[], p_unit_kinds text[], p_bodies text[], p_titles text[], p_source_path text DEFAULT NULL)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$
DECLARE
  v_count integer := cardinality(p_canonical_addresses);
  v_wrong text;
  v_ids bigint[];
  v_actor constant text := fn_iu_actor();
BEGIN
  PERFORM fn_iu_gate_require('iu_core.composer_enabled');
  IF v_count IS NULL OR (cardinality(p_unit_kinds), cardinality(p_bodies), cardinality(p_titles)) IS DISTINCT FROM (v_count, v_count, v_count) THEN
    RAISE EXCEPTION 'canonical_addresses, unit_kinds, bodies and titles must be arrays of one length'
      USING ERRCODE = 'IU002', COLUMN = 'canonical_addresses';
  END IF;
  SELECT coalesce(a, 'null') INTO v_wrong FROM unnest(p_canonical_addresses) AS a WHERE fn_iu_is_address(a) IS NOT TRUE LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'canonical_address: "%" is not an address', left(v_wrong, 200)
      USING ERRCODE = 'IU002', COLUMN = 'canonical_address',
            HINT = 'Use lower-case segments of a-z 0-9 _ - joined by . and /, at most 512 bytes.';
  END IF;
  IF array_position(p_bodies, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'body: a unit is born with a body' USING ERRCODE = 'IU002', COLUMN = 'body';
  END IF;
  PERFORM fn_iu_classify('unit_kind', p_unit_kinds, 'unit_kind');

  BEGIN
    WITH given AS (
      SELECT address, kind, coalesce(title, '') AS title, n
      FROM unnest(p_canonical_addresses, p_unit_kinds, p_titles) WITH ORDINALITY AS g(address, kind, title, n)
    ), born AS (
      INSERT INTO information_unit (canonical_address, unit_kind, title, source_path, created_by, title_is_derived)
      SELECT address, kind, title, p_source_path, v_actor, p_source_path IS NOT NULL FROM given ORDER BY n
      RETURNING id, canonical_address
    )
    SELECT array_agg(born.id ORDER BY given.n) INTO v_ids
    FROM given JOIN born ON born.canonical_address = given.address;
  EXCEPTION WHEN unique_violation THEN
    SELECT a INTO v_wrong FROM unnest(p_canonical_addresses) AS a
    WHERE EXISTS (SELECT FROM information_unit u WHERE u.canonical_address = a) LIMIT 1;
    RAISE EXCEPTION 'canonical_address: % is taken', coalesce(v_wrong, '(given twice, or taken just now)')
      USING ERRCODE = 'IU004', COLUMN = 'canonical_address', HINT = 'Choose another address.';
  END;

  INSERT INTO unit_version (unit_id, version_seq, body, content_digest, byte_length, created_by)
  SELECT id, 1, body, sha256(convert_to(body, 'UTF8')), octet_length(body), v_actor
  FROM unnest(v_ids, p_bodies) AS v(id, body);
  RETURN coalesce(v_ids, '{}');
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_create_batch(text[], text[], text[], text[], text) IS 'Birth gate, set-based: makes one unit with version 1 per element, returns their ids in the given order; IU001 closed gate, IU002 bad input, IU004 address taken';
REVOKE ALL ON FUNCTION iu_core.fn_iu_create_batch(text[], text[], text[], text[], text) FROM PUBLIC;
