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
  created_by text NOT NULL DEFAULT ('db:' || session_user),
  lifecycle_before text[] NOT NULL DEFAULT '{}',
  title_is_derived boolean NOT NULL DEFAULT false,
  CONSTRAINT information_unit_address_chk CHECK (iu_core.fn_iu_is_address(canonical_address)),
  CONSTRAINT information_unit_lifecycle_chk CHECK (lifecycle_status IN ('draft', 'enacted', 'retired', 'deleted')),
  CONSTRAINT information_unit_version_chk CHECK (current_version_seq > 0)
);
COMMENT ON TABLE iu_core.information_unit IS 'The smallest governed text; comes to exist through fn_iu_create alone';
COMMENT ON COLUMN iu_core.information_unit.canonical_address IS 'unique, human-readable, stable: lower-case segments joined by . and /';
COMMENT ON COLUMN iu_core.information_unit.current_version_seq IS 'the version that collections show unless they pin another';
COMMENT ON COLUMN iu_core.information_unit.lifecycle_before IS 'what it was before it was retired or deleted, the latest first: a restoration takes the first';
COMMENT ON COLUMN iu_core.information_unit.title_is_derived IS 'the title is made of the text and follows it; somebody''s own title stays';
COMMENT ON COLUMN iu_core.information_unit.source_path IS 'the imported file that it was cut from, if any';
