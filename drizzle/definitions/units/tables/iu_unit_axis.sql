-- requires: information_unit, iu_core
CREATE TABLE iu_core.iu_unit_axis (
  unit_id bigint NOT NULL CONSTRAINT iu_unit_axis_unit_fkey REFERENCES iu_core.information_unit (id),
  axis text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  CONSTRAINT iu_unit_axis_pkey PRIMARY KEY (unit_id, axis)
);
CREATE INDEX iu_unit_axis_value_idx ON iu_core.iu_unit_axis (axis, value, unit_id);
COMMENT ON TABLE iu_core.iu_unit_axis IS 'Metadata axes: facts derived from a unit, to filter by; as of the last refresh';
COMMENT ON COLUMN iu_core.iu_unit_axis.axis IS 'kind, lifecycle, section, level, source, length, links, language';
