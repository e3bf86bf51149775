-- unit: schema

CREATE FUNCTION iu_core.fn_iu_is_address(p_address text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT octet_length(p_address) <= 512 AND p_address ~ '^[a-z0-9_-]+([./][a-z0-9_-]+)*$' $$;
COMMENT ON FUNCTION iu_core.fn_iu_is_address(text) IS 'Whether a text is a canonical address: segments of a-z 0-9 _ - joined by . and /, at most 512 bytes';
REVOKE ALL ON FUNCTION iu_core.fn_iu_is_address(text) FROM PUBLIC;

-- requires: fn_iu_is_address
CREATE TABLE iu_core.information_unit (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT information_unit_pkey PRIMARY KEY,
  canonical_address text COLLATE "C" NOT NULL CONSTRAINT information_unit_canonical_address_key UNIQUE,
  unit_kind text COLLATE "C" NOT NULL,
  lifecycle_status text COLLATE "C" NOT NULL DEFAULT 'draft',
  current_version_seq integer NOT NULL DEFAULT 1,
  title text NOT NULL DEFAULT '',
  source_path text COLLATE "C",
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text NOT NULL DEFAULT session_user,
  CONSTRAINT information_unit_address_chk CHECK (iu_core.fn_iu_is_address(canonical_address)),
  CONSTRAINT information_unit_lifecycle_chk CHECK (lifecycle_status IN ('draft', 'enacted', 'retired', 'deleted')),
  CONSTRAINT information_unit_version_chk CHECK (current_version_seq > 0)
);
COMMENT ON TABLE iu_core.information_unit IS 'The smallest governed text; comes to exist through fn_iu_create alone';
COMMENT ON COLUMN iu_core.information_unit.canonical_address IS 'unique, human-readable, stable: lower-case segments joined by . and /';
COMMENT ON COLUMN iu_core.information_unit.current_version_seq IS 'the version that collections show unless they pin another';
COMMENT ON COLUMN iu_core.information_unit.source_path IS 'the imported file that it was cut from, if any';

-- requires: information_unit
-- The digest is checked by the database itself: a row whose digest is not its body's cannot exist.
CREATE TABLE iu_core.unit_version (
  unit_id bigint NOT NULL CONSTRAINT unit_version_unit_id_fkey REFERENCES iu_core.information_unit (id),
  version_seq integer NOT NULL,
  body text NOT NULL,
  content_digest bytea NOT NULL,
  byte_length integer NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text NOT NULL DEFAULT session_user,
  CONSTRAINT unit_version_pkey PRIMARY KEY (unit_id, version_seq),
  CONSTRAINT unit_version_seq_chk CHECK (version_seq > 0),
  CONSTRAINT unit_version_length_chk CHECK (byte_length = octet_length(body)),
  CONSTRAINT unit_version_digest_chk CHECK (content_digest = sha256(convert_to(body, 'UTF8')))
);
COMMENT ON TABLE iu_core.unit_version IS 'Immutable bodies of a unit; version_seq from 1';
COMMENT ON COLUMN iu_core.unit_version.body IS 'UTF-8 text, kept byte for byte';
COMMENT ON COLUMN iu_core.unit_version.content_digest IS 'SHA-256 over the bytes of the body';
COMMENT ON COLUMN iu_core.unit_version.byte_length IS 'bytes of the body';

-- requires: information_unit
-- Parent pointers, not materialised paths: a heading that is inserted touches its own children only.
CREATE TABLE iu_core.iu_tree_path (
  unit_id bigint CONSTRAINT iu_tree_path_pkey PRIMARY KEY CONSTRAINT iu_tree_path_unit_id_fkey REFERENCES iu_core.information_unit (id),
  parent_unit_id bigint CONSTRAINT iu_tree_path_parent_fkey REFERENCES iu_core.information_unit (id),
  section_level smallint NOT NULL DEFAULT 0,
  CONSTRAINT iu_tree_path_parent_chk CHECK (parent_unit_id <> unit_id),
  CONSTRAINT iu_tree_path_level_chk CHECK (section_level BETWEEN 0 AND 6)
);
CREATE INDEX iu_tree_path_parent_idx ON iu_core.iu_tree_path (parent_unit_id);
COMMENT ON TABLE iu_core.iu_tree_path IS 'A unit''s place in the tree: the section that it stands in';
COMMENT ON COLUMN iu_core.iu_tree_path.parent_unit_id IS 'the heading of the enclosing section; null at the top';
COMMENT ON COLUMN iu_core.iu_tree_path.section_level IS '1 to 6 for a heading, which starts a section; 0 for all else';

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
      INSERT INTO information_unit (canonical_address, unit_kind, title, source_path)
      SELECT address, kind, title, p_source_path FROM given ORDER BY n
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

  INSERT INTO unit_version (unit_id, version_seq, body, content_digest, byte_length)
  SELECT id, 1, body, sha256(convert_to(body, 'UTF8')), octet_length(body)
  FROM unnest(v_ids, p_bodies) AS v(id, body);
  RETURN coalesce(v_ids, '{}');
END
$$;
COMMENT ON FUNCTION iu_core.fn_iu_create_batch(text[], text[], text[], text[], text) IS 'Birth gate, set-based: makes one unit with version 1 per element, returns their ids in the given order; IU001 closed gate, IU002 bad input, IU004 address taken';
REVOKE ALL ON FUNCTION iu_core.fn_iu_create_batch(text[], text[], text[], text[], text) FROM PUBLIC;

-- requires: fn_iu_create_batch
CREATE FUNCTION iu_core.fn_iu_create(
  p_canonical_address text, p_unit_kind text, p_body text, p_title text DEFAULT '', p_source_path text DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, iu_core, pg_temp
AS $$ SELECT (fn_iu_create_batch(ARRAY[p_canonical_address], ARRAY[p_unit_kind], ARRAY[p_body], ARRAY[p_title], p_source_path))[1] $$;
COMMENT ON FUNCTION iu_core.fn_iu_create(text, text, text, text, text) IS 'The birth gate, one unit: returns its id. Refusals as fn_iu_create_batch';
REVOKE ALL ON FUNCTION iu_core.fn_iu_create(text, text, text, text, text) FROM PUBLIC;

-- requires: unit_version, fn_iu_append_only
CREATE TRIGGER trg_unit_version_append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON iu_core.unit_version
  FOR EACH STATEMENT EXECUTE FUNCTION iu_core.fn_iu_append_only();
COMMENT ON TRIGGER trg_unit_version_append_only ON iu_core.unit_version IS 'A version is immutable';
