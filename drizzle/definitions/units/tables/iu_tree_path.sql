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
