-- requires: information_unit, iu_core, iu_unit_axis
CREATE VIEW iu_core.v_iu_unit_axis AS
SELECT u.canonical_address AS unit_address, a.axis, a.value
FROM iu_core.iu_unit_axis AS a JOIN iu_core.information_unit AS u ON u.id = a.unit_id;
COMMENT ON VIEW iu_core.v_iu_unit_axis IS 'The metadata axes of every unit, as of the last refresh';
GRANT SELECT ON iu_core.v_iu_unit_axis TO iu_reader;
