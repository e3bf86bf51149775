-- requires: fn_iu_actor, information_unit, iu_core, unit_version
CREATE TABLE iu_core.iu_relation (
  id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT iu_relation_pkey PRIMARY KEY,
  from_unit_id bigint NOT NULL CONSTRAINT iu_relation_from_fkey REFERENCES iu_core.information_unit (id),
  relation_kind text COLLATE "C" NOT NULL,
  to_unit_id bigint NOT NULL CONSTRAINT iu_relation_to_fkey REFERENCES iu_core.information_unit (id),
  to_version_seq integer,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by text NOT NULL DEFAULT iu_core.fn_iu_actor(),
  CONSTRAINT iu_relation_kind_chk CHECK (relation_kind IN ('split_from', 'merged_from', 'cloned_from', 'supersedes', 'references')),
  CONSTRAINT iu_relation_apart_chk CHECK (from_unit_id <> to_unit_id),
  CONSTRAINT iu_relation_key UNIQUE (from_unit_id, relation_kind, to_unit_id),
  CONSTRAINT iu_relation_version_fkey FOREIGN KEY (to_unit_id, to_version_seq) REFERENCES iu_core.unit_version (unit_id, version_seq)
);
CREATE INDEX iu_relation_to_idx ON iu_core.iu_relation (to_unit_id);
COMMENT ON TABLE iu_core.iu_relation IS 'Typed edges between units';
COMMENT ON COLUMN iu_core.iu_relation.to_version_seq IS 'the version that the edge was made from, where that matters';
